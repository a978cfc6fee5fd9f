"""Watching: whether the database of a living aptly has changed."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from debrepo.stopping import checkpoint

if TYPE_CHECKING:
    from pathlib import Path

_APART = frozenset(["LOCK", "LOG", "LOG.old"])  # which change when aptly only reads


def state(database: Path) -> frozenset[tuple[str, int, int]]:
    """Return what tells one state of a LevelDB from the next; empty if it cannot be read."""
    found = set()
    try:
        for entry in os.scandir(database):
            if entry.name not in _APART:
                status = entry.stat()
                found.add((entry.name, status.st_size, status.st_mtime_ns))
    except OSError:  # it is being rewritten
        return frozenset()
    return frozenset(found)


def wait(database: Path, before: frozenset[tuple[str, int, int]], every: float) -> None:
    """Return when the database is another than ``before``, looking ``every`` so many seconds.

    One that cannot be looked at, as it is on another machine, may have changed each time.
    """
    while True:
        checkpoint()
        time.sleep(every)
        now = state(database)
        if not now or now != before:
            return
