"""Pieces: a database, or a list of files, cut so that what has not changed is stored once.

A cut comes after an entry whose key says so, whatever is before or behind it. So two copies of a
database that differ in one entry differ in one piece.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import zstandard

from debrepo.errors import NotFound, VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo_backup.targets import BackupTarget

_MASK = 0x1FF  # of the checksum of a key: a piece has 512 entries, on average
_MOST = 4 << 20  # bytes after which a piece ends anyway
_LEVEL = 3
_AT_ONCE = 16  # pieces that travel side by side


class StoredPiece(NamedTuple):
    """A part of a backup under its SHA256, and how many bytes it has, plain and as stored."""

    sha256: str
    size: int
    stored: int

    @property
    def name(self) -> str:
        """Where it is in the target."""
        return f"pieces/{self.sha256[:2]}/{self.sha256[2:]}"


def cut(entries: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Yield entries, in order, as the plain bytes of pieces."""
    parts: list[bytes] = []
    size = 0
    for key, value in entries:
        head = len(key).to_bytes(2, "big") + len(value).to_bytes(4, "big")
        parts += (head, key, value)
        size += 6 + len(key) + len(value)
        if not crc32(key) & _MASK or size >= _MOST:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def entries(plain: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries of a piece."""
    at, end = 0, len(plain)
    while at < end:
        key_size = int.from_bytes(plain[at : at + 2], "big")
        value_size = int.from_bytes(plain[at + 2 : at + 6], "big")
        start = at + 6 + key_size
        yield plain[at + 6 : start], plain[start : start + value_size]
        at = start + value_size


class PieceWriter:
    """Puts pieces into a target, unless they are there; counts what it has put."""

    def __init__(self, target: BackupTarget, known: Iterable[StoredPiece]) -> None:
        self._target = target
        ours = {piece.name: piece for piece in known}
        sizes = target.sizes(ours)
        self._known = {
            piece.sha256: piece for name, piece in ours.items() if sizes.get(name) == piece.stored
        }
        self._waiting: dict[str, bytes] = {}
        self._compress = zstandard.ZstdCompressor(level=_LEVEL).compress
        self.put = 0  #: pieces
        self.bytes = 0

    def add(self, plain: bytes) -> StoredPiece:
        """Return the piece of some bytes, which will be stored when `finish` has returned."""
        sha256 = hashlib.sha256(plain).hexdigest()
        if sha256 in self._known:
            return self._known[sha256]
        packed = self._compress(plain)
        piece = self._known[sha256] = StoredPiece(sha256, len(plain), len(packed))
        self._waiting[self._target.path(piece.name)] = packed
        self.put += 1
        self.bytes += len(packed)
        if len(self._waiting) >= _AT_ONCE:
            self.finish()
        return piece

    def add_all(self, found: Iterable[tuple[bytes, bytes]]) -> list[StoredPiece]:
        """Return the pieces of entries that come in order."""
        return [self.add(plain) for plain in cut(found)]

    def finish(self) -> None:
        """Put what is waiting."""
        self._target.storage.put_all(self._waiting, cache="immutable")
        self._waiting.clear()


def read(target: BackupTarget, piece: StoredPiece) -> bytes:
    """Return the plain bytes of a piece; raise `VerificationFailed` unless they are sound."""
    try:
        packed = target.get(piece.name)
    except NotFound:
        raise VerificationFailed(f"{piece.name} is missing from {target.name}") from None
    try:
        plain = zstandard.ZstdDecompressor().decompress(packed, max_output_size=piece.size)
    except zstandard.ZstdError:
        plain = b""
    if len(plain) != piece.size or hashlib.sha256(plain).hexdigest() != piece.sha256:
        raise VerificationFailed(f"{piece.name} of {target.name} is damaged")
    return plain


def read_all(target: BackupTarget, pieces: Iterable[StoredPiece]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries of all pieces."""
    for piece in pieces:
        yield from entries(read(target, piece))
