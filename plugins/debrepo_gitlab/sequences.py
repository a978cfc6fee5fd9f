"""Sequences: sorted rows in blocks that are counted, so that any part is found by its place.

The keys themselves decide where a block begins, and so do those of blocks where a block of
blocks begins: a change writes one block of each level, and a place is found by reading one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Set

    from debrepo.database.tables import TableView
    from debrepo_gitlab.likeness import Pageable

_BITS = 6  # of the checksum of a key: about 64 rows are in a block
_ALL_BITS = 32
_COLUMN = b"\x1f"
#: What would end a row or a column, in what is only looked at and not sorted by.
_PLAIN = bytes(code if code > 31 else 32 for code in range(256))


class Line(NamedTuple):
    """A row: what it sorts by, and what filters look at."""

    key: bytes  #: without a newline
    name: bytes
    text: bytes


class Block(NamedTuple):
    """Rows that are stored together, a column each."""

    names: bytes
    texts: bytes
    keys: bytes

    def lines(self) -> list[Line]:
        """Return the rows."""
        if not self.keys:
            return []
        columns = (column.split(b"\n") for column in (self.keys, self.names, self.texts))
        return [Line(*row) for row in zip(*columns, strict=True)]


class Sequence:
    """Sorted rows of an owner in a table, which may hold many sequences."""

    def __init__(self, table: TableView[bytes, bytes], owner: bytes) -> None:
        self._table = table
        self._owner = owner
        height, _, size = (table.get(owner) or b"0 0").partition(b" ")
        self._height = int(height)
        self._size = int(size)

    def __len__(self) -> int:
        """Return how many rows there are."""
        return self._size

    def rank(self, key: bytes) -> int:
        """Return how many rows come before ``key``."""
        before, node = 0, b""
        for level in range(self._height, 0, -1):
            counts = self._counts(level, node)
            keys = list(counts)
            place = max(bisect_right(keys, key) - 1, 0)
            before += sum(list(counts.values())[:place])
            node = keys[place]
        return before + bisect_left([row.key for row in self._block(node).lines()], key)

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield the rows from one place to another."""
        if self._size and start < stop:
            yield from self._blocks(self._height, b"", start, stop)

    def lines(self, start: int, stop: int) -> list[Line]:
        """Return the rows from one place to another."""
        return [row for block in self.blocks(start, stop) for row in block.lines()]

    def _blocks(self, level: int, node: bytes, start: int, stop: int) -> Iterator[Block]:
        if not level:
            block = self._block(node)
            if start > 0 or stop <= block.keys.count(b"\n"):
                block = _dump(block.lines()[max(start, 0) : stop])
            yield block
            return
        for key, count in self._counts(level, node).items():
            if start < count and stop > 0:
                yield from self._blocks(level - 1, key, start, stop)
            start, stop = start - count, stop - count

    def change(self, gone: Iterable[bytes], come: Iterable[Line]) -> None:
        """Remove rows, and add others."""
        new = {row.key: row for row in come}
        nodes = self._replace(0, set(gone) - new.keys(), new)
        level = 0
        while nodes is not None:
            if level == self._height and nodes[1].keys() <= {b""}:
                break
            level += 1
            self._height = max(self._height, level)
            nodes = self._replace(level, *nodes)
        self._lower()

    def _lower(self) -> None:
        """Remove the levels above the lowest that is a single block, and record what is left."""
        while self._height and len(self._counts(self._height, b"")) == 1:
            del self._table[self._node(self._height, b"")]
            self._height -= 1
        if self._height:
            self._size = sum(self._counts(self._height, b"").values())
        else:
            self._size = len(self._block(b"").lines())
        if self._size:
            self._table[self._owner] = b"%d %d" % (self._height, self._size)
            return
        for level in range(self._height + 1):
            for key in list(self._table.prefix_keys(self._node(level, b""))):
                del self._table[key]
        self._table.discard(self._owner)
        self._height = 0

    def _replace(
        self, level: int, gone: Set[bytes], come: Mapping[bytes, object]
    ) -> tuple[Set[bytes], Mapping[bytes, int]] | None:
        """Change the rows of a level; return which blocks there are no more, and the new ones."""
        if not gone and not come:
            return None
        changed: dict[bytes, set[bytes]] = {}
        for key in chain(gone, come):
            changed.setdefault(self._start(level, key), set()).add(key)
        for start in [one for one in changed if one in gone]:
            before = start  # its other rows join the block before
            while before in gone:
                before = self._start(level, before, whole=False)
                changed.setdefault(before, set())
        new: dict[bytes, dict[bytes, object]] = {}
        current = b""
        for start in sorted(changed):
            here: dict[bytes, object] = dict(self._load(level, start))
            for key in changed[start]:
                if key in gone:
                    here.pop(key, None)
                if key in come:
                    here[key] = come[key]
            if start not in gone:
                current = start
            new.setdefault(current, {})
            for key in sorted(here):
                if key > current and _begins(key, level):
                    current = key
                    new[current] = {}
                new[current][key] = here[key]
        for start in changed.keys() - new.keys():
            self._table.discard(self._node(level, start))
        counts = {}
        for start, rows in sorted(new.items()):
            self._table[self._node(level, start)], counts[start] = _written(level, rows)
        return changed.keys() - new.keys(), counts

    def _start(self, level: int, key: bytes, *, whole: bool = True) -> bytes:
        """Return where the block of a key begins; not ``whole``: the last block before it."""
        low = self._node(level, b"")
        high = self._node(level, key) + (b"\0" if whole else b"")
        found = next(self._table.range_keys(low, high, reverse=True), low)
        return found[len(low) :]

    def _node(self, level: int, start: bytes) -> bytes:
        return b"%b\0%d\0%b" % (self._owner, level, start)

    def _block(self, start: bytes) -> Block:
        data = self._table.get(self._node(0, start))
        return Block(*data.split(_COLUMN, 2)) if data else Block(b"", b"", b"")

    def _counts(self, level: int, start: bytes) -> dict[bytes, int]:
        data = self._table.get(self._node(level, start))
        rows = (line.partition(b" ") for line in data.split(b"\n")) if data else ()
        return {key: int(count) for count, _, key in rows}

    def _load(self, level: int, start: bytes) -> Mapping[bytes, object]:
        if level:
            return self._counts(level, start)
        return {row.key: row for row in self._block(start).lines()}


class Stretch:
    """Rows that stand together; a slice reads the keys of its own."""

    def __init__(self, order: Sequence, low: int, high: int) -> None:
        self._order = order
        self._low = low
        self._high = high

    def __len__(self) -> int:
        """Return how many there are."""
        return self._high - self._low

    def __getitem__(self, part: slice) -> list[bytes]:
        """Return the keys from one number to another."""
        stop = min(self._low + part.stop, self._high)
        return [row.key for row in self._order.lines(self._low + part.start, stop)]


class Backwards:
    """Rows from the last one on."""

    def __init__(self, rows: Pageable[bytes]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._rows)

    def __getitem__(self, part: slice) -> list[bytes]:
        """Return the keys from one number to another."""
        start, stop = (max(len(self) - one, 0) for one in (part.stop, part.start))
        return list(self._rows[start:stop])[::-1]


def _begins(key: bytes, level: int) -> bool:
    """Return whether a block of this level begins with a key; above some level, none does."""
    bits = _BITS * (level + 1)
    return bits <= _ALL_BITS and not crc32(key) & ((1 << bits) - 1)


def _written(level: int, rows: Mapping[bytes, object]) -> tuple[bytes, int]:
    """Return a block as it is stored, and how many rows of the lowest level it is about."""
    if level:
        counts = {key: count for key, count in rows.items() if isinstance(count, int)}
        lines = (b"%d %b" % (count, key) for key, count in counts.items())
        return b"\n".join(lines), sum(counts.values())
    found = [row for row in rows.values() if isinstance(row, Line)]
    return _COLUMN.join(_dump(found)), len(found)


def _dump(rows: list[Line]) -> Block:
    names = b"\n".join(row.name.translate(_PLAIN) for row in rows)
    texts = b"\n".join(row.text.translate(_PLAIN) for row in rows)
    return Block(names, texts, b"\n".join(row.key for row in rows))
