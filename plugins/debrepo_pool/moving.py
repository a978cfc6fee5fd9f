"""Moving package files: put into a storage, recorded as being there, and then removed here.

A file is deleted here only when the database says that the storage has it, which it says only when
the storage has confirmed that. So a crash at any point leaves each file in one place at least.
"""

from __future__ import annotations

import os
from contextlib import closing, suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from debrepo.catalog import PACKAGES
from debrepo.errors import DebrepoError, NotFound
from debrepo.package import digests as digests_of
from debrepo.stopping import checkpoint
from debrepo.storage import PoolLink
from debrepo_pool import places
from debrepo_pool.tables import DELETING, MOVED, UNWANTED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from debrepo.background import Load
    from debrepo.database import Transaction
    from debrepo.pool import Pool
    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_pool.places import FilePlace

T = TypeVar("T")

LEASE = "pool:move"
_LASTING = ("background:", "server:")  # leases that a server holds as long as it lives
_BATCH = 500  # files that are put before they are recorded
_FEW = 50  # that are removed here while nobody can reserve any


class MovedFiles(NamedTuple):
    """What has been done."""

    files: int  #: that were put into the storage
    bytes: int
    removed: int  #: of those here
    deleted: int  #: of those in the storage


def move(session: Session, place: FilePlace, *, put: bool = True) -> MovedFiles:
    """Put all files into the storage, then remove those here that the cache has no room for."""
    session.check_thawed()
    with (
        session.leases.hold(LEASE, note=lambda lease: _waiting(session, str(lease))),
        closing(place.open(session)) as storage,
    ):
        deleted = _delete(session, place, storage)
        files, size = _put(session, place, storage) if put else (0, 0)
        return MovedFiles(files, size, _shrink(session), deleted)


def _waiting(session: Session, lease: str) -> None:
    session.progress.note(f"Waiting for {lease}.")


def drop(txn: Transaction, digests: Collection[str]) -> None:
    """Record that files are to be deleted from the storage."""
    for digest in digests:
        key = bytes.fromhex(digest)
        where = txn[MOVED].get(key)
        if isinstance(where, bytes) and txn[MOVED].discard(key):
            txn[UNWANTED][key] = where


def _put(session: Session, place: FilePlace, storage: Storage) -> tuple[int, int]:
    """Put what is not there yet, and return how many files and bytes that were."""
    endpoint = place.endpoint.encode()
    with session.db.read() as txn:
        stay = {key for key, where in txn[MOVED].items() if where == endpoint} | _others(
            session, txn
        )
        # What only the cache of this node has may be garbage that another node has dropped.
        named = _named(txn) if session.db.shared else None
    waiting = [
        digest
        for digest in session.pool
        if bytes.fromhex(digest) not in stay and (named is None or digest in named)
    ]
    count = total = 0
    tracked = session.progress.track("Moving files", waiting, total=len(waiting))
    for batch in _batches(tracked, _BATCH):
        checkpoint()
        links = list(_links(session.pool, place, batch))
        storage.link_all(links)
        storage.flush()
        with session.db.write() as txn:
            for link in links:
                key = bytes.fromhex(link.sha256)
                txn[MOVED][key] = endpoint
                txn[UNWANTED].discard(key)
        count += len(links)
        total += sum(link.size for link in links)
    return count, total


def _named(txn: Transaction) -> set[str]:
    return {digest for record in txn[PACKAGES].values() for digest in digests_of(record)}


def _others(session: Session, txn: Transaction) -> set[bytes]:
    """Return files that plugins keep in the pool and open themselves, such as those of mirrors."""
    found = set[str]().union(*session.hook.debrepo_live_files(txn=txn))
    return {bytes.fromhex(digest) for digest in found}


def _links(pool: Pool, place: FilePlace, digests: Iterable[str]) -> Iterator[PoolLink]:
    for digest in digests:
        with suppress(NotFound):  # a cleanup has deleted it
            size = pool.size(digest)
            yield PoolLink(place.path(digest), pool.location(digest), size, digest)


def _shrink(session: Session) -> int:
    """Remove files here that are in the storage, those first that were not used for longest.

    Nothing is removed while somebody publishes, adds or updates: they count on what they found.
    """
    known = _by_age(session.pool)
    over = sum(size for _, size, _ in known) - session.config["pool.cache"]
    if over <= 0:
        return 0
    with session.db.read() as txn:
        gone = {*txn[MOVED]} - _others(session, txn)
    idle = [(size, digest) for _, size, digest in known if bytes.fromhex(digest) in gone]
    removed = 0
    for batch in _batches(idle, _FEW):
        checkpoint()
        if over <= 0 or _is_busy(session):
            break
        with session.pool.reserved() as reserved:
            for size, digest in batch:
                if over > 0 and digest not in reserved:
                    session.pool.delete(digest)
                    over -= size
                    removed += 1
    return removed


def _is_busy(session: Session) -> bool:
    """Return whether somebody counts on files of this pool; servers do not, until they work."""
    here = os.uname().nodename, str(session.root)
    return any(
        lease.what != LEASE and not lease.what.startswith(_LASTING)
        for lease in session.leases.held()
        if not lease.node or (lease.host, lease.node) == here  # other nodes have pools of their own
    )


def _by_age(pool: Pool) -> list[tuple[float, int, str]]:
    """Return when each file was used last, its size and its SHA256; the oldest first."""
    found = []
    for digest in pool:
        with suppress(OSError):
            stat = pool.path(digest).stat()
            found.append((max(stat.st_atime, stat.st_mtime), stat.st_size, digest))
    return sorted(found)


def _delete(session: Session, place: FilePlace, storage: Storage) -> int:
    """Delete what no package names any more, unless other nodes may still need it.

    It is marked before: a node that adds such a file again waits, see `keeping`.
    """
    with session.db.read() as txn:
        if not txn[UNWANTED]:
            return 0
    endpoint = place.endpoint.encode()

    def mark(txn: Transaction) -> list[bytes]:
        moved, unwanted = txn[MOVED], txn[UNWANTED]
        found = [key for key, where in unwanted.items() if where.removeprefix(DELETING) == endpoint]
        gone = [key for key in found if key not in moved and not _is_kept(session, key)]
        for key in {*found}.difference(gone):
            unwanted.discard(key)
        unwanted.put_many((key, DELETING + endpoint) for key in gone)
        return gone

    gone = session.db.update(mark)
    if not session.config["pool.shared"]:
        storage.delete(place.path(key.hex()) for key in gone)
    with session.db.write() as txn:
        for key in gone:
            txn[UNWANTED].discard(key)
    return 0 if session.config["pool.shared"] else len(gone)


def _is_kept(session: Session, key: bytes) -> bool:
    """Return whether the pool has a file that may be about to be moved."""
    return not session.db.shared and key.hex() in session.pool


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def background(session: Session, _load: Load) -> Callable[[], None]:
    """Return what a server does again and again."""

    def work() -> None:
        place = places.configured(session)
        if place is None or session.frozen:
            return
        try:
            # Nodes that share the database put each file before a transaction names it.
            move(session, place, put=not session.db.shared)
        except DebrepoError as error:
            session.progress.note(f"Package files were not moved: {error}")

    return work
