"""Partial files: files that are being written, in the directory of their final name."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from debrepo_publish_fs.failures import FULL

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = ".debrepo-partial-"

_FICLONE = 0x40049409  # linux/fs.h
_UNLOCKED = 2  # seconds within which a new partial file is sure to be locked
_CHUNK = 1 << 20


class Ready(NamedTuple):
    """The next content of a name, and the partial file to rename to it."""

    content: tuple[int, int]  #: its size, and a hash of it: it may be too large to keep
    partial: str  #: empty: the name has this content already

    @classmethod
    def of(cls, data: bytes, partial: str) -> Ready:
        """Return what is ready for a file with these bytes."""
        return cls((len(data), hash(data)), partial)

    def is_of(self, data: bytes) -> bool:
        """Tell whether these bytes were made ready."""
        return self.content == (len(data), hash(data))


def unlink(path: str) -> None:
    """Delete a file, if it is there."""
    try:  # noqa: SIM105  # half of the time that `suppress` takes
        os.unlink(path)
    except FileNotFoundError:
        pass


def name_in(directory: str) -> str:
    """Return the path of a partial file that is not there yet."""
    return f"{directory}/{PREFIX}{os.urandom(8).hex()}"


@contextmanager
def partial(directory: str, mode: int) -> Iterator[tuple[int, str]]:
    """Yield a descriptor and the path of a new file in ``directory``, gone at the end.

    Its process holds a lock on it, so `sweep` can tell the files of killed processes.
    """
    path = name_in(directory)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.fchmod(descriptor, mode)  # whatever the umask: a web server has to read it
        yield descriptor, path
    finally:
        try:
            os.unlink(path)
        except FileNotFoundError:  # it was renamed to where it belongs
            pass
        finally:
            os.close(descriptor)


def sweep(directory: str) -> None:
    """Delete the partial files of killed processes in ``directory``."""
    for name in os.listdir(directory):
        if name.startswith(PREFIX):
            _delete_unless_locked(f"{directory}/{name}")


def _delete_unless_locked(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # just renamed, or not ours
        return
    try:
        if time.time() - os.fstat(descriptor).st_mtime > _UNLOCKED:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
    except OSError:  # its process lives
        pass
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, however little the system takes at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def copy(source: str, descriptor: int, *, reflink: bool) -> int:
    """Copy a file with its time, sharing blocks if asked and possible; return its size."""
    with open(source, "rb", buffering=0) as file:
        stat = os.fstat(file.fileno())
        if not (reflink and _clone(file.fileno(), descriptor)):
            while os.sendfile(descriptor, file.fileno(), None, _CHUNK):
                pass
        os.utime(descriptor, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as rsync compares it
        return os.fstat(descriptor).st_size


def _clone(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:  # another file system, or one that cannot
        return False
    return True


def link_later(source: str, name: str, target: str, size: int) -> bool | None:
    """Link ``source`` to ``name``, to be renamed to ``target``; return whether it is that already.

    ``None``: that cannot be done, or HTTP clients would take it for what was there before.
    """
    try:
        found = os.stat(source)
        if found.st_size != size:
            return None
        with suppress(FileNotFoundError):
            before = os.lstat(target)
            if os.path.samestat(before, found):
                return True
            if int(found.st_mtime) <= int(before.st_mtime):
                return None
        os.link(source, name)
    except OSError as error:
        if error.errno in FULL:
            raise
        return None
    return False


def date_after(target: str, descriptor: int) -> None:
    """Give a file a later second than the one that it replaces.

    HTTP dates have whole seconds: a client that fetched the old file in the second of the
    replacement, and asks for changes since, is told that there are none.
    """
    try:
        before = int(os.stat(target).st_mtime)
    except FileNotFoundError:
        return
    if int(os.fstat(descriptor).st_mtime) <= before:
        os.utime(descriptor, (before + 1, before + 1))
