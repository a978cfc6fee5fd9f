"""Garbage: what no package list, publication or other plugin refers to any more."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from debrepo import catalog, clock, packageset, remote_files
from debrepo.catalog import CHUNKS, CONDEMNED, CONTENTS, DEFECTS, PACKAGES
from debrepo.errors import NotFound
from debrepo.package import PackageKey, digests
from debrepo.published import Superseded  # noqa: TC001  # results are held against their types
from debrepo_admin import trash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from pluggy import HookRelay

    from debrepo.database import Transaction
    from debrepo.leases import Lease
    from debrepo.package import Entry, SetId
    from debrepo.session import Session

T = TypeVar("T")

_BATCH = 500


class Garbage(NamedTuple):
    """What was deleted, or would be."""

    packages: int  #: that have left the database
    chunks: int
    files: int  #: of the pool
    bytes: int
    trashed: int = 0  #: how many of the packages are in the trash now
    emptied: int = 0  #: packages whose time in the trash was over
    keys: tuple[str, ...] = ()  #: those of the packages, in a dry run
    #: What publications keep for clients until their grace is over.
    superseded: tuple[Superseded, ...] = ()
    expired: int = 0  #: files of publications whose grace was over


class Live:
    """What something refers to, or did when this was last brought up to date."""

    def __init__(self, hook: HookRelay) -> None:
        self._hook = hook
        self.nodes: set[bytes] = set()  #: chunks, and nodes above them
        self.entries: set[Entry] = set()

    def update(self, txn: Transaction) -> None:
        """Add what has come since; that costs what changed, and so fits a write transaction."""
        store = txn[CHUNKS]
        for set_id in self._sets(txn):
            found = list(packageset.nodes(store, set_id, self.nodes))
            packageset.ahead(store, found)
            for node in found:
                self.nodes.add(node)
                if store.get(node, b"")[:1] == b"L":
                    self.entries.update(packageset.entries_of(store, node))

    def _sets(self, txn: Transaction) -> set[SetId]:
        batches = self._hook.debrepo_package_lists(txn=txn)
        listed = {found.set_id for batch in batches for found in batch}
        return listed.union(*self._hook.debrepo_live_sets(txn=txn))


def collect(
    session: Session,
    *,
    dry_run: bool,
    trash_can: bool = True,
    reached: Callable[[str], None] = lambda _: None,
) -> Garbage:
    """Find what nothing refers to, and delete it, whatever others do meanwhile.

    One cleanup works at a time. Each short transaction looks again at what has changed before it
    deletes anything. What publications have kept long enough goes first. Chunks go before packages,
    and those before their files, so that a set whose chunks are there is whole. Packages go to the
    trash first, unless there is no ``trash_can``: then those that are in it go too. ``reached`` is
    told of each step that is done.
    """
    keep = trash.kept_for(session.config) if trash_can else 0
    fresh = Freshness(session)
    if dry_run:
        return _found(session, keep, fresh)
    expired = sum(session.hook.debrepo_delete_expired(session=session))
    with _alone(session):
        trash.note_time(session)
        session.pool.sweep()
        live = Live(session.hook)
        with session.db.read() as txn:
            live.update(txn)
            nodes = [key for key in txn[CHUNKS] if key not in live.nodes]
            entries = [entry for entry, _ in _dead(txn, live, fresh)]
        reached("found")
        chunks = _delete_chunks(session, live, nodes)
        reached("chunks")
        packages = _delete_packages(session, live, entries, into_trash=keep > 0)
        reached("packages")
        session.hook.debrepo_packages_deleted(session=session)
        emptied = trash.empty(session, keep)
        files, size = _delete_files(session, fresh, reached)
        trashed = packages if keep else 0
        held = _superseded(session)
        return Garbage(packages, chunks, files, size, trashed, emptied, (), held, expired)


def empty_trash(session: Session) -> int:
    """Delete the packages whose time in the trash is over, with their files; return how many."""
    with _alone(session):
        emptied = trash.empty(session, trash.kept_for(session.config))
        if emptied:
            _delete_files(session, Freshness(session), lambda _: None)
        return emptied


def _alone(session: Session) -> AbstractContextManager[Lease]:
    return session.leases.hold(
        "db:cleanup",
        note=lambda lease: session.progress.note(f"Waiting for {lease}."),
    )


class Freshness:
    """Which files have come too recently to be garbage: ``cleanup.grace``."""

    def __init__(self, session: Session) -> None:
        self._pool = session.pool
        grace = session.config.seconds("cleanup.grace")
        self._after = clock.now() - grace if grace else None

    def has(self, sha256: str) -> bool:
        """Tell whether a file of the pool is fresh; its status changes when it is published."""
        if self._after is None:
            return False
        try:
            return self._pool.path(sha256).stat().st_ctime > self._after
        except OSError:  # it is elsewhere, or gone
            return False

    def of_any(self, record: bytes) -> bool:
        """Tell whether a file of a package is fresh."""
        return self._after is not None and any(map(self.has, digests(record)))


def _dead(txn: Transaction, live: Live, fresh: Freshness) -> Iterator[tuple[Entry, bytes]]:
    """Yield the packages that nothing refers to, unless they have only just come."""
    for entry in catalog.find(txn):
        if entry not in live.entries:
            record = txn[PACKAGES].get(entry, b"")
            if not fresh.of_any(record):
                yield entry, record


def _found(session: Session, keep: int, fresh: Freshness) -> Garbage:
    live = Live(session.hook)
    with session.db.read() as txn:
        live.update(txn)
        nodes = sum(key not in live.nodes for key in txn[CHUNKS])
        dead = dict(_dead(txn, live, fresh))
        over = set(trash.expired(txn, keep))
        needed = _needed(
            session, txn, (record for entry, record in _records(txn) if keep or entry not in dead)
        )
        needed |= {
            digest
            for entry, row in txn[trash.TRASH].items()
            if entry not in over
            for digest in digests(row.record)
        }
        emptied = sum(entry not in txn[PACKAGES] for entry in over)
    files = [one for one in session.pool if one not in needed and not fresh.has(one)]
    return Garbage(
        len(dead),
        nodes,
        len(files),
        sum(_size(session, digest) for digest in files),
        len(dead) if keep else 0,
        emptied,
        tuple(str(PackageKey.from_entry(entry)) for entry in dead),
        _superseded(session),
    )


def _superseded(session: Session) -> tuple[Superseded, ...]:
    """Return what publications keep until its grace is over."""
    with session.db.read() as txn:
        found = [one for batch in session.hook.debrepo_superseded(txn=txn) for one in batch]
    return tuple(sorted(found))


def _records(txn: Transaction) -> Iterator[tuple[Entry, bytes]]:
    for entry in catalog.find(txn):
        if record := txn[PACKAGES].get(entry):
            yield entry, record


def _needed(session: Session, txn: Transaction, records: Iterator[bytes]) -> set[str]:
    """Return the files of packages, given by their records, and those of plugins."""
    needed = {digest for record in records for digest in digests(record)}
    return needed.union(*session.hook.debrepo_live_files(txn=txn))


def _everything_needed(session: Session, txn: Transaction) -> set[str]:
    """Return the files that packages need, those in the trash included, and plugins."""
    return _needed(session, txn, (record for _, record in _records(txn))).union(trash.files(txn))


def _size(session: Session, digest: str) -> int:
    try:
        return session.pool.size(digest)
    except NotFound:  # somebody else has deleted it
        return 0


def _batches(items: list[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _delete_chunks(session: Session, live: Live, dead: list[bytes]) -> int:
    count = 0
    for batch in _batches(dead):
        with session.db.write() as txn:
            live.update(txn)
            count += sum(txn[CHUNKS].discard(key) for key in batch if key not in live.nodes)
    return count


def _delete_packages(session: Session, live: Live, dead: list[Entry], *, into_trash: bool) -> int:
    count = 0
    for batch in _batches(dead):
        with session.db.write() as txn:
            live.update(txn)
            for entry in batch:
                if entry not in live.entries:
                    if into_trash:
                        trash.put(txn, entry)
                    count += txn[PACKAGES].discard(entry)
                    txn[CONTENTS].discard(entry)
                    txn[DEFECTS].discard(entry)
    return count


def _delete_files(
    session: Session, fresh: Freshness, reached: Callable[[str], None]
) -> tuple[int, int]:
    """Delete pool files of no package; return how many there were, and their size.

    They are condemned first: a package that names one afterwards takes that back in the
    transaction that adds it, and one that came before is seen when all are read once more.
    So nobody has to read the packages while others wait to write.
    """
    with session.db.read() as txn:
        needed = _everything_needed(session, txn)
        remote = sorted(remote_files.known(session.hook, txn) - needed)
    dead = [one for one in session.pool if one not in needed and not fresh.has(one)]
    if not dead and not remote:
        return 0, 0
    with session.db.write() as txn:
        txn[CONDEMNED].clear()  # of a cleanup that was killed
    try:
        for batch in _batches([*dead, *remote]):
            with session.db.write() as txn:
                txn[CONDEMNED].put_many((bytes.fromhex(digest), b"") for digest in batch)
        reached("condemned")
        with session.db.read() as txn:
            needed = _everything_needed(session, txn)
        reached("read again")
        gone = [
            size
            for batch in _batches([digest for digest in dead if digest not in needed])
            for size in _delete_batch(session, batch)
        ]
        for batch in _batches([digest for digest in remote if digest not in needed]):
            _drop_remote(session, batch)
    finally:
        with session.db.write() as txn:
            txn[CONDEMNED].clear()
    return len(gone), sum(gone)


def _delete_batch(session: Session, batch: list[str]) -> list[int]:
    """Delete the files that are condemned still and that nobody reserves; return their sizes."""
    gone: list[int] = []
    with session.pool.reserved() as reserved, session.db.read() as txn:
        for digest in batch:
            session.leases.check()
            if digest not in reserved and bytes.fromhex(digest) in txn[CONDEMNED]:
                gone.append(_size(session, digest))
                session.pool.delete(digest)
    return gone


def _drop_remote(session: Session, batch: list[str]) -> None:
    """Let plugins drop what they know of files that are condemned still."""
    with session.db.write() as txn:
        gone = [digest for digest in batch if bytes.fromhex(digest) in txn[CONDEMNED]]
        session.hook.debrepo_drop_remote_files(txn=txn, digests=gone)
