"""Statistics: what takes the space, list by list, and how that grew."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from debrepo import packageset
from debrepo.catalog import CHUNKS, PACKAGES, TABLES
from debrepo.database import bytes_table
from debrepo.package import files
from debrepo.refs import TableRef, declared
from debrepo.stopping import checkpoint
from debrepo_admin import trash as trashing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.package import SetId
    from debrepo.session import Session

_WALK = 4096  # records to read before their pages are unmapped
_SHARED = -1  # stands for several owners
_NOBODY = -2


class ListSize(NamedTuple):
    """What the files of a package list need."""

    name: str  #: ``kind:name``
    packages: int
    bytes: int
    only: int  #: bytes of the files that no other list has


class TableSize(NamedTuple):
    """What a table of the database needs: keys and values, without the pages around them."""

    name: str
    records: int
    bytes: int


class Growth(NamedTuple):
    """The files of the pool that came in a month, as far as they are still there."""

    month: str  #: ``2026-11``
    files: int
    bytes: int


class InstallationStats(NamedTuple):
    """What is kept, and what for."""

    lists: list[ListSize]
    shared: int  #: bytes of files that several lists have
    past: int  #: bytes of files of no list, which publications serve or can be rolled back to
    trash_packages: int
    trash: int  #: bytes of files that only packages in the trash need
    others: int  #: bytes of files of no package, such as indexes of mirrors
    garbage: int  #: bytes of files in the pool that nothing refers to
    pool_files: int
    pool: int  #: bytes of all files in the pool
    database: int  #: bytes of the database on disk
    tables: list[TableSize]
    growth: list[Growth]


class _Sizes:
    """The files of packages by small numbers, and who has each of them."""

    def __init__(self, txn: Transaction) -> None:
        self._txn = txn
        self._numbers: dict[str, int] = {}
        self.sizes: list[int] = []
        self.owners: list[int] = []
        self._chunks: dict[bytes, tuple[int, list[int]]] = {}

    def number(self, sha256: str, size: int) -> int:
        number = self._numbers.setdefault(sha256, len(self.sizes))
        if number == len(self.sizes):
            self.sizes.append(size)
            self.owners.append(_NOBODY)
        return number

    def of_set(self, set_id: SetId) -> tuple[int, set[int]]:
        """Return how many packages a set has, and the numbers of their files."""
        count, found = 0, set[int]()
        store = self._txn[CHUNKS]
        for chunk in packageset.chunks(store, set_id):
            if chunk.hash not in self._chunks:
                checkpoint()
                self._chunks[chunk.hash] = self._read(chunk.hash)
                self._txn.trim()
            entries, numbers = self._chunks[chunk.hash]
            count += entries
            found.update(numbers)
        return count, found

    def _read(self, chunk: bytes) -> tuple[int, list[int]]:
        entries = packageset.entries_of(self._txn[CHUNKS], chunk)
        records = [self._txn[PACKAGES].get(entry) for entry in entries]
        numbers = [
            self.number(file.sha256, file.size)
            for record in records
            if record
            for file in files(record)
        ]
        return len(entries), numbers

    @property
    def known(self) -> set[str]:
        """The SHA256 of all files of the sets that were asked for."""
        return set(self._numbers)


def collect(session: Session) -> InstallationStats:
    """Look at all lists, the pool and the database; it reads each chunk of a set once."""
    pool = dict(_pool(session))
    with session.db.read() as txn:
        sizes = _Sizes(txn)
        rows = _lists(session, txn, sizes)
        for set_id in set().union(*session.hook.debrepo_live_sets(txn=txn)):
            sizes.of_set(set_id)
        others = {one for batch in session.hook.debrepo_live_files(txn=txn) for one in batch}
        others -= sizes.known
        trash_packages, trash = trashing.totals(txn)
        trash -= sizes.known | others
        tables = list(_tables(session, txn))
    by_owner: Counter[int] = Counter()
    for owner, size in zip(sizes.owners, sizes.sizes, strict=True):
        by_owner[owner] += size
    needed = sizes.known | others | trash
    return InstallationStats(
        rows,
        shared=by_owner[_SHARED],
        past=by_owner[_NOBODY],
        trash_packages=trash_packages,
        trash=_total(pool, trash),
        others=_total(pool, others),
        garbage=sum(size for digest, (size, _) in pool.items() if digest not in needed),
        pool_files=len(pool),
        pool=sum(size for size, _ in pool.values()),
        database=session.db.stats()["bytes"],
        tables=tables,
        growth=list(_growth(pool)),
    )


def _total(pool: dict[str, tuple[int, float]], digests: Iterable[str]) -> int:
    return sum(pool[digest][0] for digest in digests if digest in pool)


def _pool(session: Session) -> Iterator[tuple[str, tuple[int, float]]]:
    """Yield the files of the pool with their sizes, and when they came."""
    for digest in session.pool:
        checkpoint()
        with suppress(OSError):  # it is being deleted
            status = session.pool.path(digest).stat()
            yield digest, (status.st_size, status.st_mtime)


def _lists(session: Session, txn: Transaction, sizes: _Sizes) -> list[ListSize]:
    lists = sorted(
        (one for batch in session.hook.debrepo_package_lists(txn=txn) for one in batch), key=str
    )
    totals = []
    for position, one in enumerate(lists):
        count, found = sizes.of_set(one.set_id)
        totals.append((count, sum(sizes.sizes[number] for number in found)))
        for number in found:
            known = sizes.owners[number]
            sizes.owners[number] = position if known in (_NOBODY, position) else _SHARED
    only: Counter[int] = Counter()
    for owner, size in zip(sizes.owners, sizes.sizes, strict=True):
        only[owner] += size
    return [
        ListSize(str(one), count, size, only[position])
        for position, (one, (count, size)) in enumerate(zip(lists, totals, strict=True))
    ]


def _tables(session: Session, txn: Transaction) -> Iterator[TableSize]:
    for ref in sorted(declared(session.hook.debrepo_tables, "table", TableRef, TABLES)):
        records = size = 0
        for key, value in txn[bytes_table(ref.name)].items():
            records += 1
            size += len(key) + len(value)
            if not records % _WALK:
                txn.trim()
        yield TableSize(ref.name, records, size)


def _growth(pool: dict[str, tuple[int, float]]) -> Iterator[Growth]:
    """Yield the months in which files came, by the dates that the pool's file system has."""
    count: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for size, came in pool.values():
        month = datetime.fromtimestamp(came, UTC).strftime("%Y-%m")
        count[month] += 1
        total[month] += size
    for month in sorted(count):
        yield Growth(month, count[month], total[month])
