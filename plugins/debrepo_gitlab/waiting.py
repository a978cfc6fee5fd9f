"""Waiting files: uploads that a .changes will list, kept by name and checksum.

Several jobs may upload the same file. Each upload is a copy of its own, and each .changes
claims one copy of every file that it lists, so that no job takes what another one needs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from debrepo import durable
from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from debrepo.package import PackageFile

_JUST_COME = 60  # seconds in which a .changes claims its files
_LOCK = ".lock"  # in a directory for which files are claimed
_UNLISTED = 86400  # seconds after which files that no .changes lists are deleted
_NAME = "waiting"


def keep(area: Path, received: Path) -> None:
    """Move a received file to those that wait in the ``area`` of a project."""
    with received.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    _move(received, area / _NAME / received.name / f"{digest}.{uuid4().hex}")


@contextmanager
def claimed(area: Path, directory: Path, listed: Iterable[PackageFile]) -> Iterator[None]:
    """Move one copy of each file into a directory; if the block fails, move them back."""
    taken: list[tuple[Path, Path]] = []
    lock = durable.lock(directory / _LOCK)  # for as long as this process lives
    try:
        for file in listed:
            copy = _claim(area / _NAME / file.name, directory, file)
            taken.append((copy, directory / file.name))
        yield
    except BaseException:
        for copy, path in taken:
            _move(path, copy)
        raise
    finally:
        os.close(lock)


def restore(area: Path) -> None:
    """Let the files wait again that a .changes had claimed when its server was killed.

    It may have been that of another node.
    """
    just_come = time.time() - _JUST_COME
    for directory in _entries(area):
        files = _entries(directory) if directory.is_dir() else []
        if directory.name == _NAME or not any(one.suffix == ".changes" for one in files):
            continue
        lock = directory / _LOCK
        if durable.is_locked(lock) if lock.exists() else not _is_older(directory, just_come):
            continue
        for file in files:
            if file.suffix != ".changes" and file.name != _LOCK:
                keep(area, file)
        shutil.rmtree(directory, ignore_errors=True)


def _claim(copies: Path, directory: Path, file: PackageFile) -> Path:
    """Move a copy of a file into a directory; return where it was."""
    other: Path | None = None
    for copy in _entries(copies):
        if not copy.name.startswith(f"{file.sha256}."):
            other = copy
            continue
        with suppress(FileNotFoundError):  # another .changes has claimed it
            copy.rename(directory / file.name)
            return copy
    if other is not None:
        _say_what_differs(other, file)
    raise InvalidInput(
        f"the .changes lists {file.name}, which was not uploaded",
        hint="upload the .changes last",
    )


def _say_what_differs(copy: Path, file: PackageFile) -> None:
    from debrepo.archive.source import digests_of, verified

    with suppress(FileNotFoundError):
        verified(file, digests_of(copy))


def _move(path: Path, target: Path) -> None:
    """Move a file durably; its new directory is deleted whenever it is empty."""
    while True:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.rename(target)
        except FileNotFoundError:
            if not path.exists():
                raise
            continue
        break
    with suppress(FileNotFoundError):
        durable.sync(target.parent)


def sweep(area: Path) -> None:
    """Delete files that no .changes listed in time, and what crashed uploads left."""
    latest = time.time() - _UNLISTED
    for entry in _entries(area):
        if entry.name == _NAME:
            for copies in _entries(entry):
                _sweep_copies(copies, latest)
        elif _is_older(entry, latest):
            shutil.rmtree(entry, ignore_errors=True)


def _sweep_copies(copies: Path, latest: float) -> None:
    for copy in _entries(copies):
        if _is_older(copy, latest):
            copy.unlink(missing_ok=True)
    with suppress(OSError):  # it is not empty
        copies.rmdir()


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except FileNotFoundError:
        return []


def _is_older(path: Path, latest: float) -> bool:
    try:
        return path.stat().st_mtime < latest
    except FileNotFoundError:
        return False
