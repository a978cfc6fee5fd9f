"""FNV-1a with 64 bits, the hash in package keys: of one text, or of many side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BASIS = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_ALL = (1 << 64) - 1

_LANE = 10  # bytes: a state, and what it grows by when it is multiplied by _SMALL
_SMALL = 435  # the prime is 2**40 + 435
_FEW = 8  # texts that are sooner hashed one by one
_MOST = 512  # at once: what stays in the cache of a core


def hash_one(text: bytes) -> int:
    """Return the hash of a text."""
    value = _BASIS
    for byte in text:
        value = ((value ^ byte) * _PRIME) & _ALL
    return value


def hash_many(texts: Sequence[bytes]) -> list[int]:
    """Return the hashes of texts of about the same length, in a fifth of the time for each."""
    if len(texts) < _FEW:
        return [hash_one(text) for text in texts]
    found: list[int] = []
    for start in range(0, len(texts), _MOST):
        found += _side_by_side(texts[start : start + _MOST])
    return found


def _side_by_side(texts: Sequence[bytes]) -> list[int]:
    """Hash texts in the lanes of one large integer, each as if it began with zeros.

    A lane is zero, and stays so, until the first byte of its text.
    """
    number, longest = len(texts), max(map(len, texts))
    data = b"".join([text.rjust(longest, b"\0") for text in texts])
    first: dict[int, bytearray] = {}
    for lane, text in enumerate(texts):
        begun = first.setdefault(longest - len(text), bytearray(_LANE * number))
        begun[_LANE * lane : _LANE * (lane + 1)] = _BASIS.to_bytes(_LANE, "little")
    whole = int.from_bytes(_mask(8) * number, "little")
    low = int.from_bytes(_mask(3) * number, "little")  # of the rest, 2**40 times leave the lane
    column = bytearray(_LANE * number)
    state = 0
    for position in range(longest):
        if position in first:
            state ^= int.from_bytes(first[position], "little")
        column[::_LANE] = data[position::longest]
        state ^= int.from_bytes(column, "little")
        state = (((state & low) << 40) + state * _SMALL) & whole
    if longest in first:  # empty texts
        state ^= int.from_bytes(first[longest], "little")
    lanes = state.to_bytes(_LANE * number, "little")
    return [int.from_bytes(lanes[at : at + 8], "little") for at in range(0, len(lanes), _LANE)]


def _mask(size: int) -> bytes:
    return b"\xff" * size + bytes(_LANE - size)
