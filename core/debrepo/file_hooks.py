"""The hooks about files of packages that are fetched when they are first needed.

They are like those of `debrepo.hookspecs`; `debrepo.remote_files` calls them.
"""

from __future__ import annotations

from debrepo.hookspecs import hookspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from debrepo.database import Transaction
    from debrepo.session import Session


@hookspec
def debrepo_remote_files(txn: Transaction) -> Iterable[str]:
    """Return the SHA256 of the files of packages that you can fetch, those in the pool included.

    *Collects*, in a transaction, when a file is not in the pool and when garbage is collected.
    """


@hookspec
def debrepo_fetch_files(session: Session, digests: frozenset[str]) -> None:
    """Put files into the pool that are needed now, given by their SHA256, as far as they are yours.

    *Tells*, outside of any transaction. Verify what you fetch. Raise `RemoteError`, with the file
    and its URL, where one cannot be had; what has come stays in the pool.
    """


@hookspec
def debrepo_drop_remote_files(txn: Transaction, digests: Collection[str]) -> None:
    """Remove what you store of files, given by their SHA256: no package names them any more.

    *Tells*, in a write transaction of a cleanup.
    """


@hookspec
def debrepo_files_beside(
    session: Session, endpoint: str, digests: frozenset[str]
) -> Mapping[str, str]:
    """Return those files that a storage has already, by their SHA256, with their paths there.

    *Collects*, outside of any transaction, when files are published to a storage that can copy its
    own: they are not fetched then. Such a path is below the storage's root, outside of any
    publication, and its content never changes.
    """
