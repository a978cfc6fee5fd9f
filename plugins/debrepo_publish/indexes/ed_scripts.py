"""Ed scripts: what has changed between two texts, line by line, and one script made of two."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

_LARGEST = 400  # lines that are compared one by one, which takes the square of their number
_END = 1 << 60  # beyond the last line of any text
_COMMAND = re.compile(rb"(\d+)(?:,(\d+))?([acd])")


class EditHunk(NamedTuple):
    """Lines that are replaced: from ``start`` to before ``stop``, counted from 0."""

    start: int
    stop: int
    lines: Sequence[bytes]  #: without their newlines


class _Piece(NamedTuple):
    """Lines of a changed text: from another one, or new."""

    start: int
    stop: int
    lines: Sequence[bytes] | None

    def cut(self, start: int, stop: int) -> _Piece:
        """Return a part of it, counted from its beginning."""
        if self.lines is None:
            return _Piece(self.start + start, self.start + stop, None)
        return _Piece(0, stop - start, self.lines[start:stop])


def script(hunks: Sequence[EditHunk]) -> bytes:
    """Return hunks in the form of diff --ed, from the last line to the first.

    No line of it may be a lone dot; there is none in a control file.
    """
    found: list[bytes] = []
    for start, stop, lines in reversed(hunks):
        first, last = start + 1, stop
        where = b"%d" % first if first == last else b"%d,%d" % (first, last)
        if not lines:
            found.append(where + b"d")
            continue
        found += (b"%da" % start if start == stop else where + b"c", *lines, b".")
    return b"".join(line + b"\n" for line in found)


def parse(text: bytes) -> list[EditHunk]:
    """Return the hunks of a script that `script` has written; raise `InvalidInput` for others."""
    lines = text.split(b"\n")
    found: list[EditHunk] = []
    at = 0
    while at < len(lines) - 1:
        command = _COMMAND.fullmatch(lines[at])
        if command is None:
            raise InvalidInput(f"not a command of a patch: {lines[at][:80]!r}")
        first, last, word = int(command[1]), int(command[2] or command[1]), command[3]
        at += 1
        new: list[bytes] = []
        if word != b"d":
            end = lines.index(b".", at)
            new, at = lines[at:end], end + 1
        found.append(
            EditHunk(first, first, new) if word == b"a" else EditHunk(first - 1, last, new)
        )
    return found[::-1]


def compose(first: Iterable[EditHunk], second: Iterable[EditHunk]) -> list[EditHunk]:
    """Return one script that does what the first does, and then the second."""
    pieces = _Pieces(_pieces(first))
    result: list[_Piece] = []
    at = 0
    for start, stop, lines in second:
        result += pieces.take(start - at)
        pieces.take(stop - start)
        if lines:
            result.append(_Piece(0, len(lines), lines))
        at = stop
    result += pieces.take(_END - at)
    return list(_hunks(result))


def _pieces(hunks: Iterable[EditHunk]) -> Iterator[_Piece]:
    """Yield the text that a script makes as pieces."""
    at = 0
    for start, stop, lines in hunks:
        if start > at:
            yield _Piece(at, start, None)
        if lines:
            yield _Piece(0, len(lines), lines)
        at = stop
    yield _Piece(at, 2 * _END, None)


class _Pieces:
    """Pieces of a text, taken from its start."""

    def __init__(self, pieces: Iterable[_Piece]) -> None:
        self._rest = iter(pieces)
        self._piece: _Piece | None = None

    def take(self, count: int) -> list[_Piece]:
        """Return the next ``count`` lines."""
        found: list[_Piece] = []
        while count:
            piece = self._piece or next(self._rest)
            size = piece.stop - piece.start
            used = min(size, count)
            found.append(piece.cut(0, used))
            self._piece = piece.cut(used, size) if used < size else None
            count -= used
        return found


def _hunks(pieces: Iterable[_Piece]) -> Iterator[EditHunk]:
    """Yield the hunks that turn the text that pieces are from into them."""
    at = 0
    new: list[bytes] = []
    for start, stop, lines in pieces:
        if lines is not None:
            new += lines
            continue
        if new or start > at:
            yield EditHunk(at, start, new)
            new = []
        at = stop


def between(old: bytes, new: bytes, line: int = 0) -> Iterator[EditHunk]:
    """Yield the hunks between two texts of stanzas, of which the old one begins at a line."""
    before, after = _stanzas(old), _stanzas(new)
    lines = [0, *accumulate(len(stanza) for stanza in before)]
    for i, j, m, n in ranges(before, after):
        there = [text for stanza in before[i:j] for text in stanza]
        here = [text for stanza in after[m:n] for text in stanza]
        yield from _within(there, here, line + lines[i])


def _within(old: Sequence[bytes], new: Sequence[bytes], line: int) -> Iterator[EditHunk]:
    if max(len(old), len(new)) > _LARGEST:
        yield EditHunk(line, line + len(old), new)
        return
    from difflib import SequenceMatcher  # slow to import

    for tag, i, j, m, n in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield EditHunk(line + i, line + j, new[m:n])


def _stanzas(text: bytes) -> list[tuple[bytes, ...]]:
    """Return the lines of each stanza, with the empty one that ends it."""
    found = (tuple(one.split(b"\n")) for one in text.split(b"\n\n"))
    return [(*stanza, b"") for stanza in found if stanza != (b"",)]


def ranges(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int, int, int, int]]:
    """Yield what differs of two sequences in the same order: bounds in the old, and in the new."""
    common = set(old) & set(new)
    i = j = 0
    while i < len(old) or j < len(new):
        first, second = i, j
        while i < len(old) and old[i] not in common:
            i += 1
        while j < len(new) and new[j] not in common:
            j += 1
        if old[i : i + 1] != new[j : j + 1]:  # the order is another
            i, j = len(old), len(new)
        if i > first or j > second:
            yield first, i, second, j
        i, j = i + 1, j + 1
