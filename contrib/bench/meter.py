"""Running a command, and what it took: CPU, wall, memory, bytes written, system calls."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Reading(NamedTuple):
    """What one run took, its descendants' work included."""

    cpu: float  # seconds, user and system
    wall: float  # seconds
    peak: int  # bytes of the largest process
    written: int  # bytes handed to file systems
    calls: int | None = None  # system calls, where strace was asked to count them


Results = dict[str, dict[str, Reading]]  # by work, then by tool


class Failed(Exception):
    """A command did not do what it was run for."""


def measure(argv: list[str], env: dict[str, str], cwd: Path, *, calls: bool = False) -> Reading:
    """Run a command to its end; raise `Failed` with what it said where it fails."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, said.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, said.fileno(), 2),
        ]
        pid = os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", 'cd "$0" && exec "$@"', str(cwd), *argv],
            env,
            file_actions=actions,
        )
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - start
        if status:
            said.seek(0)
            text = said.read().decode(errors="replace").strip()[-2000:]
            raise Failed(f"{' '.join(argv)[:200]}\n{text}")
    cpu = usage.ru_utime + usage.ru_stime
    counted = _calls(argv, env, cwd) if calls else None
    return Reading(cpu, wall, usage.ru_maxrss * 1024, usage.ru_oublock * 512, counted)


def _calls(argv: list[str], env: dict[str, str], cwd: Path) -> int | None:
    if not shutil.which("strace"):
        return None
    with tempfile.NamedTemporaryFile("r") as table:
        command = ["strace", "-f", "-c", "-o", table.name, *argv]
        subprocess.run(command, env=env, cwd=cwd, capture_output=True, check=False)
        found = re.search(r"^\s*100\.00.*?(\d+)\s+(?:\d+\s+)?total$", table.read(), re.MULTILINE)
    return int(found[1]) if found else None


def median(readings: list[Reading]) -> Reading:
    """Return the median of each quantity."""
    columns = list(zip(*readings, strict=True))
    plain = [statistics.median(column) for column in columns[:4]]
    counts = [count for count in columns[4] if count is not None]
    calls = int(statistics.median(counts)) if counts else None
    return Reading(plain[0], plain[1], int(plain[2]), int(plain[3]), calls)
