"""Compression: fragments are compressed one by one, and joined to an index.

apt reads gzip members and zstd frames that follow one another, and xz blocks within one
stream; bzip2 has to be compressed as a whole.
"""

from __future__ import annotations

import bz2
from typing import TYPE_CHECKING

import zstandard
from isal import isal_zlib

from debrepo.values import NamedTuple
from debrepo_publish.indexes import xz

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_GZIP = 31  # window bits: 15, and 16 for the gzip container
_ISAL_LEVEL = 3
_ZSTD_LEVEL = 9


class Compression(NamedTuple):
    """How one fragment is compressed, and how compressed fragments become a file."""

    name: str
    pack: Callable[[bytes], bytes]
    join: Callable[[Sequence[bytes]], bytes]


def _gzip(data: bytes) -> bytes:
    compressor = isal_zlib.compressobj(level=_ISAL_LEVEL, wbits=_GZIP)
    return bytes(compressor.compress(data)) + bytes(compressor.flush())


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(data)


def _plain(data: bytes) -> bytes:
    return data


def _joined(fragments: Sequence[bytes]) -> bytes:
    return b"".join(fragments)


def _whole_bzip2(fragments: Sequence[bytes]) -> bytes:
    return bz2.compress(b"".join(fragments))


BY_NAME = {
    compression.name: compression
    for compression in (
        Compression("plain", _plain, _joined),
        Compression("gz", _gzip, lambda fragments: b"".join(fragments) or _gzip(b"")),
        Compression("zst", _zstd, lambda fragments: b"".join(fragments) or _zstd(b"")),
        Compression("xz", xz.block, xz.join),
        Compression("bz2", _plain, _whole_bzip2),
    )
}
