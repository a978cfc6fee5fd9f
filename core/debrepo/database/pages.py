"""Pages of the memory map: those that were read count as memory of the process."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_DONTNEED = 4  # linux/mman.h: of a file that is mapped, it frees no data, but the pages' places


def let_go(file: Path) -> None:
    """Unmap the pages of ``file`` that are in memory; they are read again when they are needed.

    The kernel would do so as well, once memory is short; but until then a walk through a
    large database looks, to people and to limits, as if it held all of it. Nobody may move
    the map meanwhile.
    """
    from ctypes import CDLL, c_int, c_size_t, c_void_p  # slow to import

    name = os.path.realpath(file)
    with suppress(OSError, AttributeError), open("/proc/self/maps") as maps:  # noqa: PTH123
        madvise = CDLL(None).madvise
        madvise.argtypes = (c_void_p, c_size_t, c_int)
        for line in maps:
            if line.rstrip("\n").endswith(f" {name}"):
                start, _, end = line.partition(" ")[0].partition("-")
                madvise(int(start, 16), int(end, 16) - int(start, 16), _DONTNEED)
