"""Compressed members, unpacked piece by piece and never beyond a limit.

Each library is loaded when the first member needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol

from debrepo.archive.limits import exceeded
from debrepo.archive.stream import Stream
from debrepo.errors import InvalidPackage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.archive.findings import Level
    from debrepo.archive.limits import Budget, Limits

#: The most that is unpacked in one go.
OUTPUT = 1 << 18

_GZIP = b"\x1f\x8b"
_RESERVED = 0xE0  # flags of gzip that mean nothing yet
_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"
_WIDEST = 17 << 3  # as the header of a frame spells `MAX_WINDOW`
MAX_WINDOW = 1 << 27  #: bytes; zstd's own limit, unless a program raises it
_TOO_LARGE = re.compile("Memory usage limit|too much memory")  # all that lzma and zstd tell
_NO_MEMORY = "not enough memory"  # all that zstd tells of the machine's
_REST = "ends before something else, which dpkg does not read"
_PIECE = 1 << 16  # bytes; what follows a stream is copied, once for each stream
_ZSTD_BLOCKS = 8  # of 128 KiB unpacked, at most


def _broken() -> tuple[Any, ...]:
    """Return what the libraries raise for damaged data."""
    from lzma import LZMAError

    from isal.igzip_lib import IsalError
    from zstandard import ZstdError

    return EOFError, OSError, ValueError, LZMAError, IsalError, ZstdError


_Note = Callable[["Level", str], None]
_Unpacker = Callable[["Iterable[bytes]", "Limits", _Note], "Iterator[bytes]"]


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def unpack(
    pieces: Iterable[bytes],
    suffix: str,
    what: str,
    *,
    limit: int,
    budget: Budget,
    setting: str = "data",
    several: bool = False,
) -> Iterator[bytes]:
    """Return blocks of what ``pieces`` unpack to; when all are taken, the pieces are read.

    ``suffix`` is that of the member: ``.xz``, ``.gz`` …; empty for one that is not
    compressed. ``setting`` is the name of the limit. As dpkg does, take several members of
    gzip but one stream of the others; what follows is noted, unless it is all zeros.
    ``several`` streams of xz and bzip2 are taken where these programs would unpack them.
    """
    if block := _at_once(pieces, suffix, limit, budget.limits):
        return iter((block,))
    unpackers = _UNPACK_SEVERAL if several else _UNPACK
    return _blocks(pieces, unpackers[suffix], what, limit, budget, setting)


def _at_once(pieces: Iterable[bytes], suffix: str, limit: int, limits: Limits) -> bytes:
    """Return what most members of small packages unpack to; nothing of one that is not simple.

    It has one stream, and what little it unpacks to takes no time that is worth counting.
    """
    if not isinstance(pieces, tuple) or len(pieces) != 1 or len(pieces[0]) > _PIECE:
        return b""
    piece: bytes = pieces[0]
    if suffix == ".xz":
        decompressor = _new_xz(limits.memory)()
    elif suffix == ".gz" and piece.startswith(_GZIP) and not _has_reserved(piece):
        decompressor = _new_gzip()
    else:
        return b"" if suffix or len(piece) > limit else piece
    try:
        block = decompressor.decompress(piece, OUTPUT)
    except _broken():  # which is told when it is unpacked step by step
        return b""
    simple = decompressor.eof and not decompressor.unused_data and len(block) <= limit
    return block if simple else b""


def _blocks(
    pieces: Iterable[bytes],
    unpacker: _Unpacker,
    what: str,
    limit: int,
    budget: Budget,
    setting: str,
) -> Iterator[bytes]:
    size = 0

    def note(level: Level, text: str) -> None:
        budget.findings.add(level, f"{what} {text}")

    try:
        for block in unpacker(pieces, budget.limits, note):
            budget.check(what)
            size += len(block)
            if size > limit:
                raise exceeded(f"{what} unpacks to more than {limit} bytes", setting)
            if block:
                yield block
    except _broken() as error:
        if _NO_MEMORY in str(error):
            raise MemoryError from error
        if _TOO_LARGE.search(str(error)):
            most = budget.limits.memory
            raise exceeded(
                f"{what} takes more than {most} bytes of memory to unpack", "memory"
            ) from None
        raise InvalidPackage(f"{what} is damaged: {str(error) or 'truncated'}") from None
    if not size:
        budget.findings.add("odd", f"there is nothing in {what}")


def _plain(pieces: Iterable[bytes], _limits: Limits, _note: _Note) -> Iterator[bytes]:
    return iter(pieces)


def _gzip(pieces: Iterable[bytes], limits: Limits, note: _Note) -> Iterator[bytes]:
    pieces = iter(pieces)
    first = next(pieces, b"")
    while len(first) < 4 and (more := next(pieces, b"")):
        first += more
    if not first.startswith(_GZIP):  # zlib passes it on as it is, and so does dpkg
        yield first
        yield from pieces
        return
    if _has_reserved(first):
        raise ValueError("unknown flags of gzip")
    yield from _streams(_chain(first, pieces), limits, note, _new_gzip, _GZIP)


def _has_reserved(start: bytes) -> bool:
    return len(start) > 3 and start[3] & _RESERVED != 0


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _new_gzip() -> _Decompressor:
    from isal import igzip_lib

    decompressor: _Decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    return decompressor


def _bzip2(pieces: Iterable[bytes], limits: Limits, note: _Note) -> Iterator[bytes]:
    return _streams(pieces, limits, note, _new_bzip2)


def _new_bzip2() -> _Decompressor:
    from bz2 import BZ2Decompressor

    return BZ2Decompressor()


def _xz(pieces: Iterable[bytes], limits: Limits, note: _Note) -> Iterator[bytes]:
    return _streams(pieces, limits, note, _new_xz(limits.memory))


@cache
def _new_xz(memory: int) -> Callable[[], _Decompressor]:
    from lzma import FORMAT_XZ, LZMADecompressor

    return partial(LZMADecompressor, FORMAT_XZ, memlimit=memory)


def _several_bzip2(pieces: Iterable[bytes], limits: Limits, note: _Note) -> Iterator[bytes]:
    return _streams(pieces, limits, note, _new_bzip2, b"BZ")


def _several_xz(pieces: Iterable[bytes], limits: Limits, note: _Note) -> Iterator[bytes]:
    return _streams(pieces, limits, note, _new_xz(limits.memory), b"\xfd7")


def _lzma(pieces: Iterable[bytes], limits: Limits, note: _Note) -> Iterator[bytes]:
    from lzma import FORMAT_ALONE, LZMADecompressor

    new = partial(LZMADecompressor, FORMAT_ALONE, memlimit=limits.memory)
    return _streams(pieces, limits, note, new)


def _streams(
    pieces: Iterable[bytes],
    limits: Limits,
    note: _Note,
    new: Callable[[], _Decompressor],
    again: bytes = b"",
) -> Iterator[bytes]:
    """Unpack one stream, and more of them if they start with ``again``."""
    decompressor = new()
    left = limits.streams - 1
    for piece in _small(pieces):
        while piece:
            if decompressor.eof:
                if not again or not again.startswith(piece[:2]):
                    if piece.strip(b"\0"):
                        note("odd", _REST)
                    break
                left -= 1
                if left < 0:
                    most = limits.streams
                    raise exceeded(f"it has more than {most} compressed streams", "streams")
                decompressor = new()
            yield decompressor.decompress(piece, OUTPUT)
            while not decompressor.eof and not decompressor.needs_input:
                yield decompressor.decompress(b"", OUTPUT)
            piece = decompressor.unused_data if decompressor.eof else b""
    if not decompressor.eof:
        raise EOFError


def _small(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if len(piece) <= _PIECE:
            yield piece
            continue
        for start in range(0, len(piece), _PIECE):
            yield piece[start : start + _PIECE]


def _zstd(pieces: Iterable[bytes], limits: Limits, note: _Note) -> Iterator[bytes]:
    """Unpack one frame block by block.

    A few bytes of zstd can unpack to any size, and python-zstandard neither stops in the
    middle nor tells a frame that was cut short; so the blocks are walked here (RFC 8878).
    """
    import zstandard

    stream = Stream(pieces)
    frame = zstandard.ZstdDecompressor(max_window_size=limits.memory).decompressobj()
    head = _exactly(stream, 5)
    while not head.startswith(_ZSTD):
        head = _after_skippable(stream, head)
    single, dictionary, content = head[4] >> 5 & 1, head[4] & 3, head[4] >> 6
    head += _exactly(stream, (1 - single) + (0, 1, 2, 4)[dictionary] + (single, 2, 4, 8)[content])
    if _is_wide(head, single, content):
        note("refused", f"takes a window above {MAX_WINDOW} bytes, the most that dpkg unpacks with")
    batch, last = [head], 0
    while not last:
        word = _exactly(stream, 3)
        number = int.from_bytes(word, "little")
        last, kind, size = number & 1, number >> 1 & 3, number >> 3
        batch += (word, _exactly(stream, 1 if kind == 1 else size))
        if last and head[4] & 4:
            batch.append(_exactly(stream, 4))  # the checksum
        if last or len(batch) > 2 * _ZSTD_BLOCKS:
            yield frame.decompress(b"".join(batch))
            batch = []
    if not frame.eof:
        raise EOFError
    while piece := stream.take(OUTPUT):
        if piece.strip(b"\0"):
            note("odd", _REST)


def _after_skippable(stream: Stream, head: bytes) -> bytes:
    """Pass over a frame that holds no data, and return the start of the next one."""
    if head[1:4] != _SKIPPABLE or head[0] >> 4 != 5:
        raise ValueError("not zstd")
    left = int.from_bytes(head[4:] + _exactly(stream, 3), "little")
    while left:
        left -= len(_exactly(stream, min(left, OUTPUT)))
    return _exactly(stream, 5)


def _is_wide(head: bytes, single: int, content: int) -> bool:
    """Tell whether a frame takes a larger window than `MAX_WINDOW`."""
    if (single and content < 2) or (not single and head[5] <= _WIDEST):
        return False
    import zstandard

    wide: bool = zstandard.get_frame_parameters(head).window_size > MAX_WINDOW
    return wide


def _exactly(stream: Stream, size: int) -> bytes:
    data = stream.take(size)
    if len(data) < size:
        raise EOFError
    return data


_UNPACK: dict[str, _Unpacker] = {
    "": _plain,
    ".gz": _gzip,
    ".xz": _xz,
    ".zst": _zstd,
    ".bz2": _bzip2,
    ".lzma": _lzma,
}
_UNPACK_SEVERAL = {**_UNPACK, ".xz": _several_xz, ".bz2": _several_bzip2}
SUFFIXES = frozenset(_UNPACK)
