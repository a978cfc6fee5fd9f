"""The cache: rendered and compressed pieces of indexes, under the hash of their origin.

It is a database of its own beside the real one: nothing in it is needed, so it can be
bounded, and deleted at any time. Publishing to one place never waits for another here
longer than a piece takes to be written.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.database import Database, bytes_table
from debrepo.errors import DatabaseBusy, DatabaseError, DatabaseFull
from debrepo.package import SetId
from debrepo.refs import TableRef

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from debrepo.database import Transaction

PIECES = bytes_table("cache.pieces")  #: hash of the origin to a piece
LINES = bytes_table("cache.lines")  #: chunks of Contents, as `debrepo.packageset` keeps them
ROOTS = bytes_table("cache.roots")  #: package set and architecture to the root among `LINES`
_STATE = bytes_table("cache.state")

_TABLES = [
    TableRef(f"cache.{name.lower()}", 1, f"debrepo_publish.indexes.cache:{target}")
    for name, target in (
        ("pieces", "PIECES"),
        ("lines", "LINES"),
        ("roots", "ROOTS"),
        ("state", "_STATE"),
    )
]
_SIZE = b"pieces"  # of all pieces together, in bytes
_RESIDENT = 32 << 20  # bytes of it that may stay in memory once they have been read


class Cache:
    """Pieces by key; a write is durable, for a torn cache would be worse than none."""

    def __init__(self, path: Path) -> None:
        self._read = 0
        try:
            self.db = Database(path, _TABLES)
        except (DatabaseBusy, DatabaseFull):
            raise
        except DatabaseError:  # damaged, or of another version: make it anew
            shutil.rmtree(path, ignore_errors=True)
            self.db = Database(path, _TABLES)

    def get(self, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the pieces that are there."""
        with self.db.read() as txn:
            table = txn[PIECES]
            found = ((key, table.get(key)) for key in keys)
            pieces = {key: piece for key, piece in found if piece is not None}
            self._count(txn, pieces.values())
        return pieces

    def lines(self, chunks: Iterable[bytes]) -> list[bytes]:
        """Return chunks of Contents."""
        with self.db.read() as txn:
            found = list(map(txn[LINES].__getitem__, chunks))
            self._count(txn, found)
        return found

    def _count(self, txn: Transaction, found: Iterable[bytes]) -> None:
        """Let go now and then of what was read, or all of it would stay in memory."""
        self._read += sum(map(len, found))
        if self._read > _RESIDENT:
            self._read = 0
            txn.trim()

    def put(self, pieces: dict[bytes, bytes]) -> None:
        """Keep pieces."""
        if not pieces:
            return
        with self.db.write() as txn:
            new = {key: piece for key, piece in pieces.items() if key not in txn[PIECES]}
            txn[PIECES].put_many(sorted(new.items()))
            size = int(txn[_STATE].get(_SIZE, b"0")) + sum(map(len, new.values()))
            txn[_STATE][_SIZE] = b"%d" % size

    def size(self) -> int:
        """Return how many bytes all pieces have."""
        with self.db.read() as txn:
            return int(txn[_STATE].get(_SIZE, b"0"))

    def keep(self, used: Collection[bytes]) -> None:
        """Forget every piece that is not used."""
        with self.db.read() as txn:
            dead = [key for key in txn[PIECES] if key not in used]
        for start in range(0, len(dead), 1000):
            with self.db.write() as txn:
                freed = 0
                for key in dead[start : start + 1000]:
                    freed += len(txn[PIECES].get(key, b""))
                    txn[PIECES].discard(key)
                size = int(txn[_STATE].get(_SIZE, b"0")) - freed
                txn[_STATE][_SIZE] = b"%d" % max(size, 0)

    def keep_lines(self, used: Collection[bytes]) -> None:
        """Forget the lines of every Contents file whose key among the roots is not used."""
        with self.db.write() as txn:
            for key in [key for key in txn[ROOTS] if key not in used]:
                txn[ROOTS].discard(key)
        with self.db.read() as txn:
            live: set[bytes] = set()
            for root in txn[ROOTS].values():
                live.update(packageset.nodes(txn[LINES], SetId(root), live))
            dead = [key for key in txn[LINES] if key not in live]
        for start in range(0, len(dead), 1000):
            with self.db.write() as txn:
                for key in dead[start : start + 1000]:
                    txn[LINES].discard(key)

    def close(self) -> None:
        """Close the database."""
        self.db.close()


@contextmanager
def opened(root: Path) -> Iterator[Cache]:
    """Open the cache below debrepo's root."""
    cache = Cache(root / "cache")
    try:
        yield cache
    finally:
        cache.close()
