"""Uploads: adding files to a distribution, alone or listed in a .changes."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo.arrival import Arrival
from debrepo.errors import (
    AlreadyExists,
    InvalidInput,
    InvalidPackage,
    PluginError,
    VerificationFailed,
)
from debrepo_gitlab import distributions, documents, waiting
from debrepo_gitlab.refusals import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack

    from debrepo.archive import FileList
    from debrepo.changes import SignedText
    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.distributions import Distribution

DIRECT = (".deb", ".udeb", ".ddeb")
#: What GitLab says about other files.
INDIRECT = "file_name Only debs, udebs and ddebs can be directly added to a distribution"
_REQUIRED = ("source", "version", "distribution", "files", "checksums-sha1", "checksums-sha256")


class Upload(NamedTuple):
    """Files for a distribution, by component, and the documents that came with them."""

    distribution: Distribution
    files: dict[str, list[Path]]
    source: tuple[str, str] = ("", "")
    documents: tuple[Path, ...] = ()
    signers: tuple[str, ...] = ()  #: fingerprints of the keys that signed the .changes
    listed: FileList | None = None  #: what the .changes says


def area(session: Session) -> Path:
    """Return the directory of the upload area of this API."""
    return session.uploads / "gitlab"


def area_of(session: Session, container: Container) -> Path:
    """Return the part of the upload area that a project has to itself."""
    return area(session) / "upload" / str(container.id)


def resume(session: Session) -> None:
    """Let the files wait again that killed servers had claimed."""
    for part in sorted((area(session) / "upload").glob("*")):
        waiting.restore(part)


def is_direct(file_name: str) -> bool:
    """Return whether a file can be added without a .changes."""
    return file_name.lower().endswith(DIRECT)


def check_direct(file_name: str) -> None:
    """Raise `Malformed` unless the file can be added without a .changes."""
    if not is_direct(file_name):
        raise Malformed(INDIRECT)


def direct(found: Distribution, paths: Iterable[Path], component: str) -> Upload:
    """Return the upload of files into a component."""
    if component not in found.components:
        raise InvalidInput(
            f"{found.codename} has no component {component[:80]}",
            hint=f"there are: {', '.join(sorted(found.components))}",
        )
    chosen = list(paths)
    for path in chosen:
        check_direct(path.name)
    return Upload(found, {component: chosen})


def of_changes(session: Session, container: Container, changes: Path, claims: ExitStack) -> Upload:
    """Return the upload that a .changes describes.

    Its files are beside it. Those of one in the upload area are claimed there, with
    ``claims``, from the files that wait.
    """
    from debrepo.archive import source_of
    from debrepo.changes import check_files, read
    from debrepo.ingest import configured_limits

    limits = configured_limits(session.config)
    signed = read(changes, limits, partial(_verified, session, changes.name))
    listed = signed.listed
    missing = [name for name in _REQUIRED if not listed.fields.get(name)]
    if missing:
        raise InvalidPackage(f"{changes.name} lacks the field {missing[0].title()}")
    if any(file.name not in listed.sections for file in listed.files):
        raise InvalidPackage(
            "each line of Files has a checksum, a size, a section, a priority and a name"
        )
    here = changes.parent
    if here.parent == area_of(session, container):
        claims.enter_context(waiting.claimed(here.parent, here, listed.files))
    names = [file.name for file in listed.files]
    for name in names:
        if not changes.with_name(name).exists():
            raise InvalidInput(
                f"{changes.name} lists {name}, which is not beside it",
                hint="upload the .changes last",
            )
    check_files(signed, names)
    with session.db.read() as txn:
        found = distributions.get(txn, container, listed.fields["distribution"].strip())
    files: dict[str, list[Path]] = {}
    binaries = [name for name in names if name.lower().endswith(DIRECT)]
    for name in [*binaries, *(name for name in names if name.endswith(".dsc"))]:
        component = _component(found, listed.sections[name])
        files.setdefault(component, []).append(changes.with_name(name))
    if not files:
        raise InvalidPackage(f"{changes.name} lists no package")
    documents = (changes, *(changes.with_name(n) for n in names if n.endswith(".buildinfo")))
    return Upload(found, files, source_of(listed), documents, signed.fingerprints, listed)


def _verified(session: Session, name: str, data: bytes, listed: FileList) -> SignedText | None:
    """Return what of a .changes is signed, if uploaders are configured: it has to be then."""
    from debrepo.changes import SignedText

    keyring = session.config["gitlab.uploaders"]
    if not keyring:
        return None
    if not listed.signed:
        raise VerificationFailed(f"{name} is not signed", hint='run "debsign FILE"')
    keys = _keys(session.root / Path(keyring).expanduser())
    try:
        return SignedText(*session.call("key.verify", data=data, keys=keys))
    except VerificationFailed as error:
        raise VerificationFailed(
            f"{name} is signed by nobody who may upload: {error}",
            hint="sign with a key in the keyring that gitlab.uploaders names",
        ) from error
    except InvalidInput as error:
        raise PluginError(f"gitlab.uploaders names no keyring: {error}") from error


def _keys(keyring: Path) -> bytes:
    """Return the keys that may sign uploads, and there are some: no keys would mean other keys."""
    try:
        keys = keyring.read_bytes()
    except OSError as error:
        raise PluginError(f"cannot read what gitlab.uploaders names: {error.strerror}") from None
    if not keys:
        raise PluginError("the keyring that gitlab.uploaders names is empty")
    return keys


def _component(found: Distribution, section: str) -> str:
    """Return the component of a section: the part before the slash, or main."""
    component = section.rpartition("/")[0] or "main"
    if component in found.components:
        return component
    if component == "main" and len(found.components) == 1:
        return next(iter(found.components))
    raise InvalidInput(
        f"{found.codename} has no component {component}, which the section {section} is in",
        hint=f"there are: {', '.join(sorted(found.components))}",
    )


def add(session: Session, upload: Upload) -> int:
    """Add the files of an upload to their repositories: all of them, or none.

    Return what `distributions.mark` says, which is called in the same transaction.
    """
    found = upload.distribution
    files = {found.components[component]: paths for component, paths in upload.files.items()}
    marks: list[int] = []
    with documents.staged(session, upload.documents) as kept:

        def also(txn: Transaction) -> None:
            documents.record(session, txn, found, upload.source, kept)
            marks.append(distributions.mark(txn, found.key))

        try:
            added = session.hook.debrepo_add_files(
                session=session,
                kind="repo",
                files=files,
                arrival=Arrival(signers=upload.signers),
                also=also,
            )
        except AlreadyExists as error:
            raise AlreadyExists(str(error), hint="give the build a new version") from error
    if added is None:
        raise PluginError("no plugin keeps repositories", hint="enable the plugin local")
    return marks[-1]


def discard(directory: Path) -> None:
    """Delete the directory of an upload that was added or refused."""
    shutil.rmtree(directory, ignore_errors=True)
