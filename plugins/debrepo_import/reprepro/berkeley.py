"""Berkeley DB files, read page by page without the library: B-trees, and several of them in a file.

Nothing is locked or written. A page that is written at this moment is noticed as damage, not as
other content, because every reference in a page is checked.
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError  # noqa: N812
from typing import TYPE_CHECKING, NamedTuple, Self

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

_MAGIC = 0x053162
_VERSIONS = (8, 9, 10)  # of the B-tree format: Berkeley DB 4.0 to 18
_SEVERAL = 0x20  # a flag: the records are the names and pages of other trees
_INTERNAL, _LEAF, _OVERFLOW, _META, _DUPLICATES = 3, 5, 7, 9, 12
_HEADER = 26  # bytes of a page before the offsets of its items
_LARGEST = 64 << 20  # bytes that one value may have


_MISREAD = (StructError, IndexError, ValueError)  # by following a number that leads nowhere


class _Layout(NamedTuple):
    """How numbers are stored, which is the order of bytes of the machine that wrote them."""

    meta: Struct
    page: Struct
    offset: Struct
    item: Struct
    long: Struct
    internal: Struct


def _layout(order: str) -> _Layout:
    return _Layout(
        Struct(order + "8xIIIIBBBxIIIIII20x4xIIII"),
        Struct(order + "8xIIIHHBB"),
        Struct(order + "H"),
        Struct(order + "HB"),
        Struct(order + "HBxII"),
        Struct(order + "HBxII"),
    )


_LAYOUTS = (_layout("<"), _layout(">"))


class _Meta(NamedTuple):
    """The first page of a tree."""

    page: int
    magic: int
    version: int
    size: int
    encryption: int
    kind: int
    checksums: int
    free: int
    last: int
    parts: int
    keys: int
    records: int
    flags: int
    least: int
    length: int
    pad: int
    root: int


class BerkeleyFile:
    """An open file of Berkeley DB."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise InvalidInput(f"cannot read {path}: {error.strerror}") from None
        try:
            self._layout, self._size = self._opened()
        except BaseException:
            self.close()
            raise

    def _opened(self) -> tuple[_Layout, int]:
        start = self._file.read(512)
        for layout in _LAYOUTS:
            if len(start) < layout.meta.size:
                break
            meta = _Meta(*layout.meta.unpack_from(start))
            if meta.magic != _MAGIC:
                continue
            if meta.version not in _VERSIONS or meta.encryption or meta.checksums & 1:
                raise InvalidInput(
                    f"{self._path} is a Berkeley DB of a version or kind that cannot be read",
                    hint="import what reprepro has exported: debrepo import tree DIR",
                )
            if meta.size < 512 or meta.size > 65536 or meta.size & (meta.size - 1):
                raise self._damaged(f"pages of {meta.size} bytes")
            return layout, meta.size
        raise InvalidInput(f"{self._path} is no B-tree of Berkeley DB")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def trees(self) -> list[str]:
        """Return the names of the trees in the file."""
        try:
            return sorted(self._trees())
        except _MISREAD as error:
            raise self._damaged(str(error)) from None

    def records(self, tree: str = "") -> Iterator[tuple[bytes, bytes]]:
        """Yield the keys and values of a tree, in order; duplicates one after the other."""
        try:
            page = self._trees().get(tree) if tree else 0
            if page is not None:
                yield from self._walk(page)
        except _MISREAD as error:
            raise self._damaged(str(error)) from None

    def _trees(self) -> dict[str, int]:
        if not self._meta(0).flags & _SEVERAL:
            return {}
        found = {}
        for name, page in self._walk(0):
            if len(page) != 4:
                raise self._damaged("a name without a page")
            found[name.decode(errors="surrogateescape")] = int.from_bytes(page, "big")
        return found

    def _meta(self, number: int) -> _Meta:
        meta = _Meta(*self._layout.meta.unpack_from(self._read(number)))
        if meta.magic != _MAGIC or meta.kind != _META:
            raise self._damaged(f"page {number} does not begin a tree")
        return meta

    def _walk(self, number: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield the records of the tree that begins at a page, leaf by leaf."""
        yield from self._leaves(self._meta(number).root)

    def _leaves(self, root: int) -> Iterator[tuple[bytes, bytes]]:
        number, seen = self._leftmost(root), set[int]()
        while number:
            if number in seen:
                raise self._damaged(f"page {number} follows itself")
            seen.add(number)
            data = self._read(number)
            _, _, following, count, _, _, kind = self._layout.page.unpack_from(data)
            if kind != _LEAF:
                raise self._damaged(f"page {number} is of kind {kind}")
            offsets = [
                self._layout.offset.unpack_from(data, _HEADER + 2 * at)[0] for at in range(count)
            ]
            for key, value in zip(offsets[::2], offsets[1::2], strict=True):
                name, _ = self._item(data, key)
                for found in self._values(data, value):
                    yield name, found
            number = following

    def _leftmost(self, number: int) -> int:
        for _ in range(64):  # levels
            data = self._read(number)
            kind = data[25]
            if kind != _INTERNAL:
                return number
            offset = self._layout.offset.unpack_from(data, _HEADER)[0]
            number = self._layout.internal.unpack_from(data, offset)[2]
        raise self._damaged("more levels than a tree has")

    def _values(self, data: bytes, offset: int) -> Iterator[bytes]:
        _, kind = self._layout.item.unpack_from(data, offset)
        if kind & 0x80:  # deleted
            return
        if kind & 0x7F == 2:
            yield from self._duplicates(self._layout.long.unpack_from(data, offset)[2])
            return
        yield self._item(data, offset)[0]

    def _duplicates(self, root: int) -> Iterator[bytes]:
        """Yield the values of one key that have pages of their own."""
        number, seen = self._leftmost(root), set[int]()
        while number:
            if number in seen:
                raise self._damaged(f"page {number} follows itself")
            seen.add(number)
            data = self._read(number)
            _, _, following, count, _, _, kind = self._layout.page.unpack_from(data)
            if kind != _DUPLICATES:
                raise self._damaged(f"page {number} is of kind {kind}")
            for at in range(count):
                offset = self._layout.offset.unpack_from(data, _HEADER + 2 * at)[0]
                value, deleted = self._item(data, offset)
                if not deleted:
                    yield value
            number = following

    def _item(self, data: bytes, offset: int) -> tuple[bytes, bool]:
        """Return a key or value, and whether it is deleted."""
        length, kind = self._layout.item.unpack_from(data, offset)
        if kind & 0x7F == 1:
            found = data[offset + 3 : offset + 3 + length]
            if len(found) != length:
                raise self._damaged("an item that leads out of its page")
            return found, bool(kind & 0x80)
        if kind & 0x7F != 3:
            raise self._damaged(f"an item of kind {kind}")
        _, _, page, size = self._layout.long.unpack_from(data, offset)
        return self._long(page, size), bool(kind & 0x80)

    def _long(self, number: int, size: int) -> bytes:
        """Return a value that has pages of its own."""
        if size > _LARGEST:
            raise self._damaged(f"a value of {size} bytes")
        found, left = [], size
        while left > 0:
            data = self._read(number)
            _, _, following, _, length, _, kind = self._layout.page.unpack_from(data)
            if kind != _OVERFLOW or not 0 < length <= min(left, self._size - _HEADER):
                raise self._damaged(f"page {number} does not hold the rest of a value")
            found.append(data[_HEADER : _HEADER + length])
            left, number = left - length, following
        return b"".join(found)

    def _read(self, number: int) -> bytes:
        try:
            self._file.seek(number * self._size)
            data = self._file.read(self._size)
        except OSError as error:
            raise InvalidInput(f"cannot read {self._path}: {error.strerror}") from None
        if len(data) != self._size:
            raise self._damaged(f"page {number} is missing")
        if number and self._layout.page.unpack_from(data)[0] != number:
            raise self._damaged(f"page {number} says that it is another one")
        return data

    def _damaged(self, what: str) -> InvalidInput:
        return InvalidInput(
            f"{self._path} is damaged: {what}",
            hint="if reprepro is at work, try again; else import its export: debrepo import tree",
        )
