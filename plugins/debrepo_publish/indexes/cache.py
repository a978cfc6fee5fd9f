"""The cache: rendered and compressed fragments of indexes, under the hash of their origin.

It is a database of its own: nothing in it is needed, so its size is limited, and it may be
deleted at any time. A publish waits here for another one no longer than a write takes.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from struct import iter_unpack, pack
from threading import Lock
from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.database import Database, bytes_table
from debrepo.errors import DatabaseBusy, DatabaseError, DatabaseFull
from debrepo.package import SetId
from debrepo.refs import TableRef
from debrepo_publish.model.hashing import key_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from debrepo.database import Transaction

FRAGMENTS = bytes_table("cache.pieces")  #: hash of the origin to a fragment
LINES = bytes_table("cache.lines")  #: chunks of sorted lines, as `debrepo.packageset` keeps them
ROOTS = bytes_table("cache.roots")  #: `lines.LineSource.key` to the root among `LINES`
OUTLINES = bytes_table("cache.outlines")  #: SHA256 of an index to the fragments it consists of
TEXTS = bytes_table("cache.texts")  #: SHA256 to small files that the next publish goes on from
_STATE = bytes_table("cache.state")

_TABLES = [
    TableRef(f"cache.{name.lower()}", 1, f"debrepo_publish.indexes.cache:{target}")
    for name, target in (
        ("pieces", "FRAGMENTS"),
        ("lines", "LINES"),
        ("roots", "ROOTS"),
        ("outlines", "OUTLINES"),
        ("texts", "TEXTS"),
        ("state", "_STATE"),
    )
]
_SIZE = b"pieces"  # of all fragments together, in bytes
_LIVE = b"live"  # of those that are known to be in use, in bytes
_FIRST = b"first"  # publishes of something new since that was last looked up
_MANY = 20  # such publishes, before what they left is looked for
SPARE = 8 << 20  # bytes that nothing uses, before it is worth while to look for them
_RESIDENT = 32 << 20  # bytes of it that may stay in memory once they have been read


#: Keys of fragments, with a count of lines.
Outline = tuple[tuple[bytes, int], ...]
#: A fragment's key, and the compression that it is in; empty: none.
Name = tuple[bytes, str]


class Cache:
    """Fragments by name; a write is durable, because a torn cache is worse than none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0
        try:
            self.db = Database(path, _TABLES)
        except (DatabaseBusy, DatabaseFull):
            raise
        except DatabaseError:  # damaged, or of another version: make it anew
            import shutil  # it loads LZMA

            shutil.rmtree(path, ignore_errors=True)
            self.db = Database(path, _TABLES)

    def get(self, names: Collection[Name]) -> dict[Name, dict[str, bytes]]:
        """Return the text by path of the fragments that are there."""
        with self.db.read() as txn:
            table = txn[FRAGMENTS]
            found = ((name, table.get(_key(name))) for name in names)
            records = {name: record for name, record in found if record is not None}
            self._count(txn, records.values())
        return {name: _unpack(record) for name, record in records.items()}

    def lines(self, chunks: Iterable[bytes]) -> list[bytes]:
        """Return chunks of sorted lines."""
        with self.db.read() as txn:
            found = list(map(txn[LINES].__getitem__, chunks))
            self._count(txn, found)
        return found

    def _count(self, txn: Transaction, found: Iterable[bytes]) -> None:
        """Release the pages that were read, now and then: they count as memory of the process."""
        self._read += sum(map(len, found))
        if self._read > _RESIDENT:
            self._read = 0
            txn.trim()

    def put(self, fragments: Mapping[Name, Mapping[str, bytes]]) -> None:
        """Keep fragments, given as text by path."""
        if not fragments:
            return
        records = {_key(name): _pack(texts) for name, texts in fragments.items()}
        with self.db.write() as txn:
            new = {key: record for key, record in records.items() if key not in txn[FRAGMENTS]}
            txn[FRAGMENTS].put_many(sorted(new.items()))
            size = int(txn[_STATE].get(_SIZE, b"0")) + sum(map(len, new.values()))
            txn[_STATE][_SIZE] = b"%d" % size

    def size(self) -> int:
        """Return the size of all fragments in bytes."""
        with self.db.read() as txn:
            return int(txn[_STATE].get(_SIZE, b"0"))

    def is_full(self, limit: int, publications: int) -> bool:
        """Return whether to look for what nothing uses: it may be as much as what is in use.

        So looking, which costs what all publications have, costs little for each that changes.
        ``limit`` is the most that may be there, whatever is in use.
        """
        with self.db.read() as txn:
            size, live, first = (int(txn[_STATE].get(n, b"0")) for n in (_SIZE, _LIVE, _FIRST))
        return size > min(limit, 2 * live + SPARE) or first > 2 * publications + _MANY

    def note_first(self) -> None:
        """Note that all there is may be in use, as something was published that is new."""
        with self.db.write() as txn:
            txn[_STATE][_LIVE] = txn[_STATE].get(_SIZE, b"0")
            txn[_STATE][_FIRST] = b"%d" % (int(txn[_STATE].get(_FIRST, b"0")) + 1)

    def note_live(self) -> None:
        """Note that all there is is in use."""
        with self.db.write() as txn:
            txn[_STATE][_LIVE] = txn[_STATE].get(_SIZE, b"0")
            txn[_STATE].discard(_FIRST)

    def keep(self, names: Iterable[Name]) -> None:
        """Delete all other fragments."""
        used = set(map(_key, names))
        with self.db.read() as txn:
            dead = [key for key in txn[FRAGMENTS] if key not in used]
        for start in range(0, len(dead), 1000):
            with self.db.write() as txn:
                freed = 0
                for key in dead[start : start + 1000]:
                    freed += len(txn[FRAGMENTS].get(key, b""))
                    txn[FRAGMENTS].discard(key)
                size = int(txn[_STATE].get(_SIZE, b"0")) - freed
                txn[_STATE][_SIZE] = b"%d" % max(size, 0)

    def keep_lines(self, used: Collection[bytes]) -> None:
        """Delete the lines of every index whose key among the roots is not used."""
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

    def put_outlines(self, outlines: Mapping[str, Outline]) -> None:
        """Keep what indexes consist of, by their SHA256."""
        with self.db.read() as txn:
            there = txn[OUTLINES]
            new = {name: found for name, found in outlines.items() if name.encode() not in there}
        if new:
            with self.db.write() as txn:
                for name, found in new.items():
                    row = b"".join(key + pack("<I", lines) for key, lines in found)
                    txn[OUTLINES][name.encode()] = row

    def outline(self, sha256: str) -> Outline:
        """Return what an index consists of; nothing, where that is not known."""
        with self.db.read() as txn:
            row = txn[OUTLINES].get(sha256.encode(), b"")
        return tuple((key, lines) for key, lines in iter_unpack("<20sI", row))

    def put_texts(self, texts: Mapping[str, bytes]) -> None:
        """Keep small files, by their SHA256."""
        with self.db.write() as txn:
            for name, text in texts.items():
                txn[TEXTS][name.encode()] = text

    def text(self, sha256: str) -> bytes:
        """Return a small file; nothing, where it is not here."""
        with self.db.read() as txn:
            return bytes(txn[TEXTS].get(sha256.encode(), b""))

    def keep_texts(self, used: Collection[str]) -> None:
        """Delete all other small files, and what other indexes consist of."""
        names = {name.encode() for name in used}
        with self.db.write() as txn:
            for table in (OUTLINES, TEXTS):
                for name in [name for name in txn[table] if name not in names]:
                    txn[table].discard(name)

    def close(self) -> None:
        """Close the database."""
        self.db.close()


class _Open:
    """A cache that threads of this process have open."""

    def __init__(self, path: Path) -> None:
        self.cache = Cache(path)
        self.users = 0


# LMDB lets a process open a database once, so what is open belongs to the process.
_OPENING = Lock()
_OPEN: dict[tuple[int, Path], _Open] = {}


@contextmanager
def opened(root: Path) -> Iterator[Cache]:
    """Open the cache below debrepo's root; the threads of a process share it.

    Nothing is evicted meanwhile.
    """
    with _shared(root) as cache, _locked(root, fcntl.LOCK_SH):
        yield cache


@contextmanager
def alone(root: Path) -> Iterator[Cache | None]:
    """Open the cache while nobody else reads it or writes to it; ``None``: somebody does."""
    with _shared(root) as cache, _locked(root, fcntl.LOCK_EX | fcntl.LOCK_NB) as locked:
        yield cache if locked else None


@contextmanager
def _locked(root: Path, how: int) -> Iterator[bool]:
    """Lock the directory of the cache; each call has a lock of its own."""
    fd = os.open(root / "cache", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, how)
            locked = True
        except BlockingIOError:
            locked = False
        yield locked
    finally:
        os.close(fd)


@contextmanager
def _shared(root: Path) -> Iterator[Cache]:
    key = os.getpid(), root / "cache"
    with _OPENING:
        if key not in _OPEN:
            _OPEN[key] = _Open(key[1])
        found = _OPEN[key]
        found.users += 1
    try:
        yield found.cache
    finally:
        with _OPENING:
            found.users -= 1
            if not found.users:
                del _OPEN[key]
                found.cache.close()


def _key(name: Name) -> bytes:
    key, compression = name
    return key_of(compression.encode(), key) if compression else key


def _pack(texts: Mapping[str, bytes]) -> bytes:
    """Return text by path as one record."""
    head = "".join(f"{path}\0{len(text)}\n" for path, text in texts.items())
    return b"".join((head.encode(), b"\n", *texts.values()))


def _unpack(record: bytes) -> dict[str, bytes]:
    """Return the text by path that `_pack` made a record of."""
    if record[:1] == b"\n":
        return {}
    end = record.index(b"\n\n")  # the rest is large, and not to be copied
    texts, position = {}, end + 2
    for line in record[:end].decode().split("\n"):
        path, _, size = line.partition("\0")
        texts[path] = record[position : position + int(size)]
        position += int(size)
    return texts
