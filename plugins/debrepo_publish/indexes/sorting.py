"""Sorting more lines than memory has room for: sorted runs on disk, merged block by block."""

from __future__ import annotations

import errno
import tempfile
from bisect import bisect_right
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from debrepo.errors import DatabaseError, DatabaseFull

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUN = 100_000  # lines that are sorted in memory at once
_BLOCK = 8192  # lines that are read of a run, and merged, at once


def blocks(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield lines without newlines, sorted, some thousand at a time.

    No work is done line by line: what Python sorts in one go it merges as well.
    """
    heads = [(head, run) for run in _runs(lines) if (head := next(run, None))]
    while heads:
        limit = min(head[-1] for head, _ in heads)
        taken: list[bytes] = []
        left = []
        for head, run in heads:
            end = bisect_right(head, limit)
            taken += head[:end]
            rest = head[end:] or next(run, [])
            if rest:
                left.append((rest, run))
        heads = left
        taken.sort()
        yield taken


def _runs(lines: Iterator[bytes]) -> list[Iterator[list[bytes]]]:
    """Return sorted runs of all lines: the last one in memory, the others in files."""
    runs = []
    while run := list(islice(lines, _RUN)):
        run.sort()
        parts = _parts(run)
        runs.append(parts if len(run) < _RUN else _kept(parts))
    return runs


def _parts(run: list[bytes]) -> Iterator[list[bytes]]:
    return (run[start : start + _BLOCK] for start in range(0, len(run), _BLOCK))


def _kept(parts: Iterator[list[bytes]]) -> Iterator[list[bytes]]:
    with _translated():
        file = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the run has been read
        try:
            sizes = [file.write(b"\n".join(part)) for part in parts]
            file.seek(0)
        except OSError:
            with suppress(OSError):  # it would write the rest
                file.close()
            raise
    return _read(file, sizes)


def _read(file: BinaryIO, sizes: list[int]) -> Iterator[list[bytes]]:
    with file:
        for size in sizes:
            yield file.read(size).split(b"\n")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = tempfile.gettempdir()
        kind = DatabaseFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else DatabaseError
        raise kind(f"cannot sort the lines of an index in {place}: {error.strerror}") from error
