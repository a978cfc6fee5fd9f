"""The .xz container: several blocks, compressed apart, become one stream.

Of several concatenated streams apt reads only the first, and says nothing. So the blocks
are taken out of theirs, and put into one stream with one index, which every reader knows.
See https://tukaani.org/xz/xz-file-format.txt, sections 2 to 4.
"""

from __future__ import annotations

import lzma
from struct import pack, unpack
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Measured on Debian's Packages, a block for each chunk of 256 packages, or 280 kB: 8 % more
#: bytes than one block of everything (10 % where stanzas are short, as in ``binary-all``).
#: Blocks of 1.1 MB save 5 of these 8, but then nearly all are new after a hundred scattered
#: changes to 60,000 packages, instead of half; preset 2 takes a third more time.
PRESET = 1

_FLAGS = b"\0\4"  # CRC-64, as xz itself does by default
_MAGIC, _END = b"\xfd7zXZ\0", b"YZ"
_HEADER = _MAGIC + _FLAGS + pack("<I", crc32(_FLAGS))


def block(data: bytes) -> bytes:
    """Return ``data`` as a stream of one block, to be joined with others."""
    return lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=PRESET)


class XzStream:
    """One stream with the blocks of many, in order, to be written as they come."""

    def __init__(self) -> None:
        self._records: list[tuple[int, int]] = []
        self._head = _HEADER

    def add(self, stream: bytes) -> bytes | memoryview:
        """Return what to write for the blocks of another stream."""
        body, records = _take_apart(stream)
        self._records += records
        head, self._head = self._head, b""
        return head + bytes(body) if head else body

    def end(self) -> bytes:
        """Return what to write behind all blocks."""
        parts = [b"\0", _number(len(self._records))]
        parts += [_number(size) for record in self._records for size in record]
        index = b"".join(parts)
        index += b"\0" * (-len(index) % 4)
        index += pack("<I", crc32(index))
        tail = pack("<I", len(index) // 4 - 1) + _FLAGS
        return b"".join((self._head, index, pack("<I", crc32(tail)), tail, _END))


def join(streams: Iterable[bytes]) -> bytes:
    """Return one stream with the blocks of all of them, in order."""
    stream = XzStream()
    return b"".join((*map(stream.add, streams), stream.end()))


def _take_apart(stream: bytes) -> tuple[memoryview, list[tuple[int, int]]]:
    """Return the blocks of a stream, and their sizes as its index lists them."""
    (backward,) = unpack("<I", stream[-8:-4])
    start = len(stream) - 12 - (backward + 1) * 4
    numbers = _numbers(stream, start + 1)
    records = [(next(numbers), next(numbers)) for _ in range(next(numbers))]
    return memoryview(stream)[12:start], records


def _number(value: int) -> bytes:
    """Return a variable-length integer: seven bits a byte, the lowest first."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _numbers(data: bytes, position: int) -> Iterator[int]:
    while True:
        value = shift = 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        yield value
