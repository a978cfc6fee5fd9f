"""Durable files: those that are there as a whole or not at all, and what they are made in."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from typing import TYPE_CHECKING

from debrepo.errors import cannot_write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TOKEN = 8  # hexadecimal digits
_LONGEST = 240  # bytes before them; the name of a directory can have 255


def write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file in one step, so that it survives a crash of the machine."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        partial.rename(path)
        sync(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def sync(directory: Path) -> None:
    """Make the names in a directory survive a crash of the machine; raise `OSError`."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(path: Path) -> int:
    """Make a file, and lock it until the descriptor that is returned is closed.

    Unlike a lock on a directory it is one for all machines that share an NFS.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    flock(descriptor, LOCK_EX)
    return descriptor


def is_locked(path: Path) -> bool:
    """Tell whether a process that lives has locked a file; False if there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def scratch(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield a new directory beside what is made in it; raise `OSError`.

    In the end it is deleted. Where a process is killed before, the next one with the same
    prefix does that: a lock of the kernel's says that a directory is in use.
    """
    import shutil  # which loads all compressors

    prefix = os.fsdecode(os.fsencode(prefix)[:_LONGEST])
    _sweep(parent, prefix)
    while True:
        path = parent / f"{prefix}{os.urandom(_TOKEN // 2).hex()}"
        path.mkdir(mode=0o700)
        lock = os.open(path, _DIRECTORY)
        flock(lock, LOCK_EX)
        if _is_at(lock, path):
            break
        os.close(lock)  # another process has deleted it before it was locked
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _sweep(parent: Path, prefix: str) -> None:
    """Delete what processes have left that were killed."""
    import shutil

    ours = re.compile(rf"{re.escape(prefix)}[0-9a-f]{{{_TOKEN}}}")
    for name in os.listdir(parent):  # noqa: PTH208  # of names
        if not ours.fullmatch(name):
            continue
        with suppress(OSError):
            lock = os.open(parent / name, _DIRECTORY)
            try:
                flock(lock, LOCK_EX | LOCK_NB)
                shutil.rmtree(parent / name, ignore_errors=True)
            finally:
                os.close(lock)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
