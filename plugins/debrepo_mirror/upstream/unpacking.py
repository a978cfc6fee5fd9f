"""Indexes as archives compress them, unpacked piece by piece and never beyond a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.archive.compression import OUTPUT, unpack
from debrepo.archive.limits import Budget, Limits
from debrepo.errors import InvalidPackage, RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: What a compressed index costs, relative to its size: the time to fetch it at 10 MB/s and to
#: unpack it, which with xz takes nearly as long.
COSTS = {".zst": 1.0, ".gz": 1.1, ".xz": 1.6, ".bz2": 2.5, "": 1.0, ".lzma": 2.0}
SUFFIXES = tuple(COSTS)

_WINDOW = 1 << 27  # bytes, as zstd has it by default
_NO_TIME_LIMIT = 1 << 30  # the time that is taken between two pieces would count
_LIMITS = Limits(cpu=_NO_TIME_LIMIT)


def pieces(packed: Iterable[bytes], suffix: str, what: str, *, limit: int) -> Iterator[bytes]:
    """Yield what a compressed index unpacks to: members, streams and frames one after another.

    Raises `RemoteError` where it is damaged, or unpacks to more than ``limit`` bytes.
    """
    size = 0
    try:
        source = _frames(packed) if suffix == ".zst" else unpack(
            packed, suffix, what, limit=limit, budget=Budget(_LIMITS), several=True
        )  # fmt: skip
        for piece in source:
            size += len(piece)
            if size > limit:
                raise _too_large(what, limit)
            yield piece
    except InvalidPackage as error:
        if error.limit == "data":
            raise _too_large(what, limit) from None
        raise RemoteError(str(error), hint="it is being changed, or has to be repaired") from None


def _too_large(what: str, limit: int) -> RemoteError:
    return RemoteError(
        f"{what} unpacks to more than {limit} bytes",
        hint="raise the setting mirror.limits.index if you trust this archive",
    )


# `unpack` takes one frame, as dpkg does; an index may have one for each part of it.
def _frames(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack frames of zstd, a block's worth at a time whatever they unpack to."""
    import zstandard

    source: Any = _Source(packed)
    unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    try:
        with unpacker.stream_reader(source, read_across_frames=True) as reader:
            while piece := reader.read(OUTPUT):
                yield piece
    except zstandard.ZstdError as error:
        raise InvalidPackage(f"it is damaged: {error}") from None


class _Source:
    """What is read of an iterator of bytes as if it were a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = next(self._pieces, b"")
        size = len(self._rest) if size < 0 else size
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def compress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield one frame of zstd, as fast as may be: it is kept, and never sent."""
    import zstandard

    packer: Any = zstandard.ZstdCompressor(level=1).compressobj()
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
