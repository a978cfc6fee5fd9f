"""Forms: how an index is compressed piece by piece, and the pieces joined again.

Measured with apt: gzip members and zstd frames may follow one another, xz blocks may
within one stream, and bzip2 has to be written whole.
"""

from __future__ import annotations

import bz2
from typing import TYPE_CHECKING, NamedTuple

import zstandard
from isal import isal_zlib

from debrepo_publish.indexes import xz

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_GZIP = 31  # window bits: 15, and 16 for the gzip container
_ISAL_LEVEL = 3
_ZSTD_LEVEL = 9


class Form(NamedTuple):
    """A compression: one piece of text to bytes, and pieces to a file."""

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


def _joined(pieces: Sequence[bytes]) -> bytes:
    return b"".join(pieces)


def _whole_bzip2(pieces: Sequence[bytes]) -> bytes:
    return bz2.compress(b"".join(pieces))


FORMS = {
    form.name: form
    for form in (
        Form("plain", _plain, _joined),
        Form("gz", _gzip, lambda pieces: b"".join(pieces) or _gzip(b"")),
        Form("zst", _zstd, lambda pieces: b"".join(pieces) or _zstd(b"")),
        Form("xz", xz.block, xz.join),
        Form("bz2", _plain, _whole_bzip2),
    )
}
