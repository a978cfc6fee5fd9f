"""Compression: fragments are compressed one by one, and joined to an index.

apt reads gzip members and zstd frames that follow one another, and xz blocks within one
stream; bzip2 has to be compressed as a whole.
"""

from __future__ import annotations

import bz2
from functools import partial
from typing import TYPE_CHECKING

import zstandard
from isal import isal_zlib

from debrepo.values import NamedTuple
from debrepo_publish.indexes import xz

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_GZIP = 31  # window bits: 15, and 16 for the gzip container
_ISAL_LEVEL = 3
_ZSTD_LEVEL = 9


class Joiner:
    """Joins compressed fragments to a file, as they come; such as may follow one another."""

    def add(self, piece: bytes) -> bytes | memoryview:
        """Return what to write next, given the next fragment."""
        return piece

    def end(self) -> bytes:
        """Return what to write last."""
        return b""


class Compression(NamedTuple):
    """How one fragment is compressed, and how compressed fragments become a file."""

    name: str
    pack: Callable[[bytes], bytes]
    joiner: Callable[[], Joiner]

    def join(self, pieces: Iterable[bytes]) -> bytes:
        """Return the file that compressed fragments become."""
        joiner = self.joiner()
        return b"".join((*map(joiner.add, pieces), joiner.end()))


class _NeverEmpty(Joiner):
    """Joins fragments of which a file has at least one, be it of nothing."""

    def __init__(self, pack: Callable[[bytes], bytes]) -> None:
        self._empty = pack(b"")

    def add(self, piece: bytes) -> bytes:
        self._empty = b""
        return piece

    def end(self) -> bytes:
        return self._empty


class _Bzip2(Joiner):
    """Compresses all fragments together, in the end."""

    def __init__(self) -> None:
        self._compressor = bz2.BZ2Compressor()

    def add(self, piece: bytes) -> bytes:
        return self._compressor.compress(piece)

    def end(self) -> bytes:
        return self._compressor.flush()


class _Xz(Joiner):
    """Joins blocks to one stream."""

    def __init__(self) -> None:
        self._stream = xz.XzStream()

    def add(self, piece: bytes) -> bytes | memoryview:
        return self._stream.add(piece)

    def end(self) -> bytes:
        return self._stream.end()


def _gzip(data: bytes) -> bytes:
    compressor = isal_zlib.compressobj(level=_ISAL_LEVEL, wbits=_GZIP)
    return bytes(compressor.compress(data)) + bytes(compressor.flush())


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(data)


def _plain(data: bytes) -> bytes:
    return data


BY_NAME = {
    compression.name: compression
    for compression in (
        Compression("plain", _plain, Joiner),
        Compression("gz", _gzip, partial(_NeverEmpty, _gzip)),
        Compression("zst", _zstd, partial(_NeverEmpty, _zstd)),
        Compression("xz", xz.block, _Xz),
        Compression("bz2", _plain, _Bzip2),
    )
}
