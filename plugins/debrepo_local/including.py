"""Including uploads: the packages of a .changes file, once it has been verified."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from debrepo import archive, templates
from debrepo.arrival import Arrival
from debrepo.errors import (
    DebrepoError,
    InvalidInput,
    InvalidPackage,
    NotFound,
    VerificationFailed,
)
from debrepo.ingest import Ingested, Rejected, configured_depth, configured_limits, ingest
from debrepo.package import PackageKey, decode
from debrepo_local import repos, uploaders
from debrepo_local.adding import Outcome, commit, reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from debrepo.archive import Digests, FileList
    from debrepo.package import PackageFile
    from debrepo.session import Session

_PACKAGES = (".deb", ".udeb", ".ddeb", ".dsc")


class Terms(NamedTuple):
    """The terms on which uploads are included."""

    repo: str = "{{.Distribution}}"  #: a template over the fields of the .changes
    force_replace: bool = False
    remove_files: bool = True
    accept_unsigned: bool = False
    ignore_signatures: bool = False
    keyring: str = ""  #: empty: the default one
    uploaders: str = ""  #: JSON, for repositories that have none of their own


class SignedUpload(NamedTuple):
    """A .changes file that has been read, and the keys that signed it."""

    path: Path
    listed: FileList
    fingerprints: tuple[str, ...]


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
    template = templates.parse(terms.repo)
    common = uploaders.rules(terms.uploaders) if terms.uploaders else None
    uploads: list[Path] = []
    for given in paths:
        found = list(find([given]))
        uploads += found
        if not found:
            why = "no .changes files in it" if given.is_dir() else "not a .changes file by its name"
            yield Outcome(given, "", "empty", why)
    for path in uploads:
        name = ""
        try:
            upload = _read(session, path, terms)
            name = template.render(dict(_spelt(upload.listed))).strip()
            with session.db.read() as txn:
                own = repos.get(txn, name).uploaders
            rules = uploaders.rules(own) if own else common
            if rules is not None:
                uploaders.check_upload(rules, upload.listed, upload.fingerprints)
            _check_sums(upload)
            outcomes, added = _add(session, name, upload, terms)
        except DebrepoError as error:
            yield Outcome(path, "", "failed", str(error), error.hint, name)
            continue
        if terms.remove_files and added is not None:
            _remove(upload, added)
        yield from outcomes


def _read(session: Session, path: Path, terms: Terms) -> SignedUpload:
    """Read a .changes file; of a signed one, only the signed text."""
    limits = configured_limits(session.config)
    try:
        with path.open("rb") as file:
            data = file.read(limits.control_file + 1)
    except OSError as error:
        raise NotFound(f"it cannot be read: {error.strerror}") from None
    listed = archive.parse_list(data, path.name, limits=limits)
    if not listed.signed and not terms.accept_unsigned:
        raise VerificationFailed(
            "it is not signed", hint="sign it with debsign, or accept it with --accept-unsigned"
        )
    if not listed.signed or terms.ignore_signatures:
        return SignedUpload(path, listed, ())
    keyrings = (terms.keyring,) if terms.keyring else ()
    verified = session.call("key.verify", data=data, keyrings=keyrings)
    listed = archive.parse_list(verified.text, path.name, limits=limits)
    return SignedUpload(path, listed, verified.fingerprints)


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
        if not expected.name.endswith(_PACKAGES):
            archive.verified(expected, _digests(upload.path.with_name(expected.name)))


def _digests(path: Path) -> Digests:
    try:
        return archive.digests_of(path)
    except OSError as error:
        raise NotFound(f"{path.name}, which it lists, cannot be read: {error.strerror}") from None


def _add(
    session: Session, name: str, upload: SignedUpload, terms: Terms
) -> tuple[list[Outcome], list[Ingested] | None]:
    """Add the packages of an upload in one transaction: all of them, or none.

    Return what became of each and the packages that are in; of an upload that does not fit as
    a whole, only what failed, and ``None``.
    """
    expected = {file.name: file for file in upload.listed.files}
    wanted = [upload.path.with_name(one) for one in sorted(expected) if one.endswith(_PACKAGES)]
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
        session.pool.sync()
        outcomes = commit(
            session,
            name,
            fitting,
            force_replace=terms.force_replace,
            whole=True,
            arrival=Arrival(signers=upload.fingerprints),
        )
    ordered = [outcomes[item.source] for item in fitting if item.source in outcomes]
    if any(outcome.status == "failed" for outcome in ordered):
        return ordered, None
    return ordered, fitting


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
    _check_file(own, expected[item.source.name])
    for file in package.files[1:]:
        if file.name in expected:
            _check_file(file, expected[file.name])
    architectures = listed.fields.get("architecture", "").split()
    binaries = listed.fields.get("binary", "").split()
    source = listed.fields.get("source", "").partition(" ")[0]
    right = key.architecture in architectures or key.architecture == "all"
    if package.kind == "source":
        known = key.name == source
    else:
        known = key.name in binaries or key.name.removesuffix("-dbgsym") in binaries
    if not right or not known:
        raise InvalidInput(
            f"{key.display} has been ignored as it doesn't match restriction",
            hint="Source, Binary and Architecture of the .changes have to name it",
        )


def _check_file(found: PackageFile, expected: PackageFile) -> None:
    for what in ("size", "md5", "sha1", "sha256", "sha512"):
        wanted, got = getattr(expected, what), getattr(found, what)
        if wanted and wanted != got:
            raise VerificationFailed(
                f"{expected.name} has the {what} {got}, the .changes says {wanted}"
            )


def _remove(upload: SignedUpload, added: Iterable[Ingested]) -> None:
    """Delete the files of an upload that is in, and those that its packages consist of."""
    for item in added:
        for part in item.parts:
            part.unlink(missing_ok=True)
    for file in upload.listed.files:
        upload.path.with_name(file.name).unlink(missing_ok=True)
    upload.path.unlink(missing_ok=True)
