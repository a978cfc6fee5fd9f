"""Documents: the .changes and .buildinfo files of uploads, kept with their packages."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import catalog, remote_files
from debrepo.database import json_table
from debrepo.errors import Conflict
from debrepo.package import PackageFile
from debrepo_gitlab.distributions import DISTRIBUTIONS
from debrepo_gitlab.packages import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.distributions import Distribution


class Document(NamedTuple):
    """A file of an upload that is not part of a package."""

    distribution: int  #: its number
    file: PackageFile


def _load(fields: dict[str, Any]) -> Document:
    return Document(int(fields["distribution"]), PackageFile(**fields["file"]))


def _dump(document: Document) -> dict[str, Any]:
    return {"distribution": document.distribution, "file": document.file._asdict()}


#: ``project:5``, the numbers of package and file, with NUL between them, to the document.
DOCUMENTS = json_table("gitlab.documents", load=_load, dump=_dump, record=Document)


class StagedDocuments(NamedTuple):
    """Documents on their way into the database."""

    files: Sequence[PackageFile]
    record_places: Callable[[Transaction], None] | None = None


@contextmanager
def staged(session: Session, paths: Sequence[Path]) -> Iterator[StagedDocuments]:
    """Put the documents of an upload into the pool; until the block ends, they stay there."""
    if not paths:
        yield StagedDocuments(())
        return
    from debrepo.ingest.documents import put_document

    with session.pool.reserving() as pool:
        files = [put_document(pool, path) for path in paths]
        pool.sync()
        yield StagedDocuments(files, remote_files.keep(session, [one.sha256 for one in files]))


def record(
    session: Session,
    txn: Transaction,
    found: Distribution,
    source: tuple[str, str],
    kept: StagedDocuments,
) -> None:
    """Keep staged documents of a source version; one replaces an older one of its name."""
    if found.key not in txn[DISTRIBUTIONS]:
        raise Conflict(f"{found.codename} was dropped meanwhile")
    package = number(found.container.partition(":")[2], *source)
    known = list(_of_package(txn, found.container, package))
    if kept.record_places is not None:
        kept.record_places(txn)
    for file in kept.files:
        if file.sha256 not in session.pool:
            raise Conflict(f"{file.name} was deleted while it was stored", hint="upload it again")
        for key, old in known:
            if (old.distribution, old.file.name) == (found.id, file.name):
                del txn[DOCUMENTS][key]
        catalog.keep(txn, [file.sha256])
        txn[DOCUMENTS][_key(found.container, package, file)] = Document(found.id, file)


def _key(project: str, package: int, file: PackageFile) -> str:
    return f"{project}\0{package}\0{number('file', package, file.name, file.sha256)}"


def _of_package(txn: Transaction, project: str, package: int) -> Iterator[tuple[str, Document]]:
    yield from txn[DOCUMENTS].prefix(f"{project}\0{package}\0".encode())


def of_package(txn: Transaction, project: Container, package: int) -> list[tuple[int, PackageFile]]:
    """Return the documents of a package, each with its number."""
    rows = _of_package(txn, project.key, package)
    return [(int(key.rpartition("\0")[2]), document.file) for key, document in rows]


def find(
    txn: Transaction, found: Distribution, source: tuple[str, str], name: str
) -> PackageFile | None:
    """Return a document of a source version in a distribution by its name."""
    package = number(found.container.partition(":")[2], *source)
    for _, document in _of_package(txn, found.container, package):
        if (document.distribution, document.file.name) == (found.id, name):
            return document.file
    return None


def remove(txn: Transaction, project: Container, package: int, file: int | None = None) -> bool:
    """Remove the documents of a package, or one of them; return whether there was one."""
    keys = [
        key
        for key, _ in _of_package(txn, project.key, package)
        if file is None or key.endswith(f"\0{file}")
    ]
    for key in keys:
        del txn[DOCUMENTS][key]
    return bool(keys)


def remove_all(txn: Transaction, found: Distribution) -> None:
    """Remove the documents of a distribution."""
    rows = list(txn[DOCUMENTS].prefix(f"{found.container}\0".encode()))
    for key, document in rows:
        if document.distribution == found.id:
            del txn[DOCUMENTS][key]


def live_files(txn: Transaction) -> Iterator[str]:
    """Yield the SHA256 of the pool files of documents."""
    for document in txn[DOCUMENTS].values():
        yield document.file.sha256
