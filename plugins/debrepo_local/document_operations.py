"""What can be done with the documents of uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.values import NamedTuple
from debrepo_local import documents, repos
from debrepo_local.documents import UploadDocument  # noqa: TC001  # of an operation's result

if TYPE_CHECKING:
    from debrepo.session import Session


class DocumentContent(NamedTuple):
    """A document, byte for byte as it was uploaded."""

    name: str
    content: bytes


def list_(session: Session, name: str, *, source: str = "") -> list[UploadDocument]:
    """Return the documents of a repository, or of one source, the latest first."""
    with session.db.read() as txn:
        repos.get(txn, name)
        found = [one for one in documents.of_repo(txn, name) if source in ("", one.source)]
    return sorted(found, key=lambda one: (one.included, one.file.name), reverse=True)


def show(session: Session, name: str, file: str) -> DocumentContent:
    """Return a document of a repository by its name."""
    with session.db.read() as txn:
        repos.get(txn, name)
        found = documents.find(txn, name, file)
    with session.pool.open(found.file.sha256) as opened:
        return DocumentContent(found.file.name, opened.read())
