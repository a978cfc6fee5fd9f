"""Including uploads: the packages of a .changes file, once it has been verified."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from debrepo import archive, changes, templates
from debrepo.arrival import Arrival, JudgedUpload
from debrepo.changes import PACKAGES, SignedText, SignedUpload
from debrepo.errors import (
    Cancelled,
    Conflict,
    DatabaseError,
    DebrepoError,
    InvalidPackage,
    NotFound,
    PluginError,
    RemoteError,
    VerificationFailed,
)
from debrepo.ingest import Ingested, Rejected, configured_depth, configured_limits, ingest
from debrepo.ingest.documents import put_document
from debrepo.notices import tell
from debrepo.package import PackageKey, decode
from debrepo_local import documents, repos, uploaders
from debrepo_local.adding import Outcome, commit, reason
from debrepo_local.documents import UploadDocument

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from debrepo.archive import FileList
    from debrepo.package import PackageFile
    from debrepo.pool import Pool
    from debrepo.session import Session


class Terms(NamedTuple):
    """The terms on which uploads are included."""

    repo: str = "{{.Distribution}}"  #: a template over the fields of the .changes
    force_replace: bool = False
    remove_files: bool = True
    accept_unsigned: bool = False
    ignore_signatures: bool = False
    keyring: str = ""  #: empty: the default one
    uploaders: str = ""  #: JSON, for repositories that have none of their own


class IncludedUpload(NamedTuple):
    """What became of an upload, and of each of its packages."""

    upload: JudgedUpload
    outcomes: tuple[Outcome, ...]
    error: DebrepoError | None = None  #: why it is not in


def find(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the .changes files in ``paths``, and paths that do not exist."""
    for path in paths:
        # Not the methods of paths: they raise for names that are longer than any file's.
        if os.path.isdir(path):  # noqa: PTH112
            yield from sorted(found for found in path.rglob("*.changes") if found.is_file())
        elif path.suffix == ".changes" or not os.path.exists(path):  # noqa: PTH110
            yield path


def include(session: Session, paths: Iterable[Path], terms: Terms) -> Iterator[Outcome]:
    """Include uploads one after another; yield the outcome of each package."""
    templates.parse(terms.repo)
    if terms.uploaders:
        uploaders.rules(terms.uploaders)
    uploads: list[Path] = []
    for given in paths:
        found = list(find([given]))
        uploads += found
        if not found:
            why = "no .changes files in it" if given.is_dir() else "not a .changes file by its name"
            yield Outcome(given, "", "empty", why)
    for path in uploads:
        done = include_one(session, path, terms)
        if done.error is None or not is_passing(done.error):
            tell_judged(session, done)
        yield from done.outcomes


def include_one(session: Session, path: Path, terms: Terms) -> IncludedUpload:
    """Include one upload as a whole, or refuse it."""
    upload, name = None, ""
    try:
        upload = _read(session, path, terms)
        name = templates.parse(terms.repo).render(dict(_spelt(upload.listed))).strip()
        with session.db.read() as txn:
            rules = repos.get(txn, name).uploaders or terms.uploaders
        if rules:
            uploaders.check_upload(uploaders.rules(rules), upload.listed, upload.fingerprints)
        _check_sums(upload)
        outcomes, added = _add(session, name, upload, terms)
    except Cancelled:
        raise
    except DebrepoError as error:
        return refused(path, error, name, upload)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if added is None:
        reason = f"{failed[0].source.name}: {failed[0].reason}"
        done = refused(path, InvalidPackage(reason, hint=failed[0].hint), name, upload)
        return done._replace(outcomes=tuple(outcomes))
    if terms.remove_files:
        _remove(upload, added)
    packages = tuple(outcome.package for outcome in outcomes)
    return IncludedUpload(_judged(path, name, upload, packages=packages), tuple(outcomes))


def refused(
    path: Path, error: DebrepoError, name: str = "", upload: SignedUpload | None = None
) -> IncludedUpload:
    """Return what is said of an upload that is not in; ``name`` is its repository, if known."""
    outcome = Outcome(path, "", "failed", str(error), error.hint, name)
    return IncludedUpload(_judged(path, name, upload, reason=str(error)), (outcome,), error)


def is_passing(error: DebrepoError) -> bool:
    """Return whether an error is none of the upload's, which may be included another time."""
    return isinstance(error, (Cancelled, Conflict, DatabaseError, PluginError, RemoteError))


def tell_judged(session: Session, done: IncludedUpload) -> None:
    """Tell the other plugins what became of an upload."""
    tell(session, "debrepo_upload_judged", upload=done.upload)


def _judged(
    path: Path,
    name: str,
    upload: SignedUpload | None,
    *,
    packages: tuple[str, ...] = (),
    reason: str = "",
) -> JudgedUpload:
    fields = upload.listed.fields if upload else {}
    return JudgedUpload(
        path.name,
        name,
        source=fields.get("source", "").partition(" ")[0],
        version=fields.get("version", "").strip(),
        distribution=fields.get("distribution", "").strip(),
        changed_by=fields.get("changed-by", "").strip(),
        maintainer=fields.get("maintainer", "").strip(),
        signers=upload.fingerprints if upload else (),
        packages=packages,
        reason=reason,
    )


def _read(session: Session, path: Path, terms: Terms) -> SignedUpload:
    """Read a .changes file; of a signed one, only the signed text."""

    def verify(data: bytes, listed: FileList) -> SignedText | None:
        if not listed.signed and not terms.accept_unsigned:
            raise VerificationFailed(
                "it is not signed", hint="sign it with debsign, or accept it with --accept-unsigned"
            )
        if not listed.signed or terms.ignore_signatures:
            return None
        keyrings = (terms.keyring,) if terms.keyring else ()
        return SignedText(*session.call("key.verify", data=data, keyrings=keyrings))

    try:
        return changes.read(path, configured_limits(session.config), verify)
    except OSError as error:
        raise NotFound(f"it cannot be read: {error.strerror}") from None


def _spelt(listed: FileList) -> Iterator[tuple[str, str]]:
    """Yield the fields of a .changes file under the names that templates use."""
    for name, value in listed.fields.items():
        yield "-".join(part.capitalize() for part in name.split("-")), value.strip()


def _check_sums(upload: SignedUpload) -> None:
    """Raise unless each file is beside the .changes file and matches all its checksums."""
    if not upload.listed.files:
        raise InvalidPackage("it lists no files")
    for expected in upload.listed.files:
        if not (expected.md5 and expected.sha1 and expected.sha256):
            raise InvalidPackage("it lacks Files, Checksums-Sha1 or Checksums-Sha256")
    names = [file.name for file in upload.listed.files]
    changes.check_files(upload, {name for name in names if not name.endswith(PACKAGES)})


def _add(
    session: Session, name: str, upload: SignedUpload, terms: Terms
) -> tuple[list[Outcome], list[Ingested] | None]:
    """Add the packages of an upload in one transaction: all of them, or none.

    Return what became of each and the packages that are in; of an upload that does not fit as
    a whole, only what failed, and ``None``.
    """
    expected = {file.name: file for file in upload.listed.files}
    wanted = [upload.path.with_name(one) for one in sorted(expected) if one.endswith(PACKAGES)]
    workers = session.config["ingest.workers"] or None
    limits = configured_limits(session.config)
    deep = configured_depth(session.config)
    with session.pool.reserving() as pool:
        items = list(ingest(pool, wanted, workers=workers, limits=limits, deep=deep))
        failed = [one for item in items if (one := _refused(upload, item, expected, name))]
        if failed:
            return failed, None
        fitting = [item for item in items if isinstance(item, Ingested)]
        for item in fitting:
            if item.remark:
                session.progress.note(f"{item.source}: {item.remark}")
        found = _documents(pool, name, upload, fitting)
        session.pool.sync()
        outcomes = commit(
            session,
            name,
            fitting,
            force_replace=terms.force_replace,
            whole=True,
            arrival=Arrival(signers=upload.fingerprints),
            also=lambda txn: documents.record(session, txn, found),
            documents=[one.file.sha256 for one in found],
        )
    ordered = [outcomes[item.source] for item in fitting if item.source in outcomes]
    if any(outcome.status == "failed" for outcome in ordered):
        return ordered, None
    return ordered, fitting


def _documents(
    pool: Pool, name: str, upload: SignedUpload, items: Iterable[Ingested]
) -> list[UploadDocument]:
    """Put the .changes and the .buildinfo files of an upload into the pool."""
    source, version = archive.source_of(upload.listed)
    packages = tuple(str(PackageKey.from_entry(item.entry)) for item in items)
    expected = [file for file in upload.listed.files if file.name.endswith(".buildinfo")]
    try:
        own = put_document(pool, upload.path)
        files = [own._replace(name=own.name.encode(errors="replace").decode())]
        for file in expected:
            files.append(put_document(pool, upload.path.with_name(file.name)))
            changes.check_file(files[-1], file)
    except OSError as error:
        raise NotFound(f"{error.filename} cannot be read: {error.strerror}") from None
    if files[0].sha256 != upload.sha256:
        raise VerificationFailed("it has changed meanwhile")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return [
        UploadDocument(name, source, version, file, packages, at, upload.fingerprints)
        for file in files
    ]


def _refused(
    upload: SignedUpload, item: Ingested | Rejected, expected: dict[str, PackageFile], name: str
) -> Outcome | None:
    """Return why a package is refused, or ``None`` if it is not."""
    if isinstance(item, Rejected):
        return Outcome(item.source, "", "failed", reason(item), item.error.hint, name)
    key = PackageKey.from_entry(item.entry)
    try:
        _check_package(upload.listed, key, item, expected)
    except DebrepoError as error:
        return Outcome(item.source, key.display, "failed", str(error), error.hint, name)
    return None


def _check_package(
    listed: FileList, key: PackageKey, item: Ingested, expected: dict[str, PackageFile]
) -> None:
    """Raise unless a package is one that the .changes file lists and may bring."""
    package = decode(key, item.record)
    own = package.files[0]
    if package.kind != "source":
        own = own._replace(name=item.source.name)
    changes.check_file(own, expected[item.source.name])
    for file in package.files[1:]:
        if file.name in expected:
            changes.check_file(file, expected[file.name])
    changes.check_named(listed, key.name, key.architecture, key.display)


def _remove(upload: SignedUpload, added: Iterable[Ingested]) -> None:
    """Delete the files of an upload that is in, and those that its packages consist of."""
    for item in added:
        for part in item.parts:
            part.unlink(missing_ok=True)
    for file in upload.listed.files:
        upload.path.with_name(file.name).unlink(missing_ok=True)
    upload.path.unlink(missing_ok=True)
