"""The hooks about files: of packages that are fetched when first needed, and of other archives.

They are like those of `debrepo.hookspecs`; `debrepo.remote_files` calls those on remote files.
"""

from __future__ import annotations

from debrepo.hookspecs import hookspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from debrepo.database import Transaction
    from debrepo.recovery import LostFiles
    from debrepo.session import Session
    from debrepo.verbatim import VerbatimArchive


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
def debrepo_keep_files(
    session: Session, digests: frozenset[str]
) -> Callable[[Transaction], None] | None:
    """Put files of the pool, given by their SHA256, where all nodes of a database find them.

    *Collects*, outside of any transaction, when several machines share the database, and before
    the transaction that names the files. It calls what you return, which records where they are,
    and raises `Conflict` if they have been deleted meanwhile. Return ``None`` where nodes share
    the pool itself.
    """


@hookspec
def debrepo_recover_files(session: Session, lost: LostFiles) -> None:
    """Look for files that the pool has lost, wherever you know of copies.

    *Tells*, outside of any transaction, for ``debrepo db repair``. Say where you look with
    ``lost.look``, give each file of ``lost.missing`` that you find to ``lost.take``, which verifies
    it, and tell ``lost.fail`` what cannot be read: raising here ends the search.
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


@hookspec(firstresult=True)
def debrepo_verbatim_archive(txn: Transaction, kind: str, name: str) -> VerbatimArchive | None:
    """Return the archive that a package list is of, if it can be published as that has signed it.

    *Asks*, in a transaction, when a publication with ``--verbatim`` is planned. All files that it
    names have to be in the pool, or files that `debrepo_fetch_files` brings there. Return ``None``
    where the list is not yours, or is anything else than the archive as a whole.
    """
