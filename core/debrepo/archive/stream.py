"""Bytes that are read once, in order, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.archive.hashing import start
from debrepo.errors import InvalidPackage
from debrepo.package import PackageFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

#: How much of a large file is in memory at a time: what stays in the cache of a core.
BLOCK = 1 << 18


class Stream:
    """Blocks of bytes, taken apart anew: one block for a small file, many for a large one."""

    __slots__ = ("_at", "_block", "_blocks")

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._block = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes; fewer only where the stream ends."""
        start = self._at
        data = self._block[start : start + size]
        if len(data) == size:
            self._at = start + size
            return data
        return b"".join(self._pieces(size))

    def pieces(self, size: int, what: str) -> Iterable[bytes]:
        """Return the next ``size`` bytes, to be read as they come.

        Raises `InvalidPackage` where ``what`` is cut short.
        """
        data = self._block[self._at : self._at + size]
        if len(data) < size:
            return self._checked(size, what)
        self._at += size
        return (data,) if data else ()

    def skip(self, size: int, what: str) -> None:
        """Read the next ``size`` bytes, as `pieces` does, and copy none of them."""
        self._at += size
        while self._at > len(self._block):
            self._at -= len(self._block)
            self._block = next(self._blocks, b"")
            if not self._block:
                raise InvalidPackage(f"{what} is truncated: {self._at} bytes are missing")

    def _checked(self, size: int, what: str) -> Iterator[bytes]:
        for piece in self._pieces(size):
            size -= len(piece)
            yield piece
        if size:
            raise InvalidPackage(f"{what} is truncated: {size} bytes are missing")

    def _pieces(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._block[self._at : self._at + size]
            if not piece:
                self._block, self._at = next(self._blocks, b""), 0
                if not self._block:
                    return
                continue
            self._at += len(piece)
            size -= len(piece)
            yield piece


def described(name: str, data: bytes) -> PackageFile:
    """Return a small file, all of which is here, as a file of a package."""
    digests = [digest.hexdigest() for digest in start(data)]
    return tuple.__new__(PackageFile, (name, len(data), *digests))  # calling it takes longer


class Digests:
    """The size and the four digests of what has been seen so far."""

    __slots__ = ("_hashes", "size")

    def __init__(self, data: bytes | None = None) -> None:
        self.size = len(data or b"")
        self._hashes = start(data)

    def update(self, data: bytes) -> None:
        """Count ``data`` in."""
        self.size += len(data)
        for digest in self._hashes:
            digest.update(data)

    def through(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass ``blocks`` on, each counted as it goes by."""
        for block in blocks:
            self.update(block)
            yield block

    def file(self, name: str) -> PackageFile:
        """Return what was seen as a file of a package."""
        digests = [digest.hexdigest() for digest in self._hashes]
        return tuple.__new__(PackageFile, (name, self.size, *digests))  # calling it takes longer


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield what a file holds, a `BLOCK` at a time."""
    while block := file.read(BLOCK):
        yield block
