"""Leases: which process works on a name, and how long others wait for it.

Long work (a mirror update, a publish) takes a lease on the name that it changes, and holds
no transaction meanwhile::

    with session.leases.hold("mirror:bookworm", note=lambda lease: progress.note(str(lease))):
        ...

On one machine a lease is a file with a lock of the kernel's on it, and no record of the
database: the kernel frees it at the moment its owner dies, however it dies, in whatever
container of this machine it ran. A record would outlive its owner, and a dead process could
not be told from one in another container, or from another one that was given its number.

A database that several machines share brings a `LeaseKeeper` of its own, whose leases end
when their time is over and their owner has not renewed them.
"""

from __future__ import annotations

import os
import pwd
import time
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock
from threading import get_ident
from typing import TYPE_CHECKING, Protocol

from debrepo.errors import DatabaseBusy, DatabaseError, cannot_write
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:+~")
_FIELDS = 5  # of a lease, in a file
_LONGEST = 200  # bytes of a file name; most file systems allow 255
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.25  # seconds between two looks at a lease


class Lease(NamedTuple):
    """Somebody's claim on a name, ``what``, since a moment in Unix time."""

    what: str
    owner: str
    host: str
    pid: int
    since: int
    node: str = ""  #: its root, where several machines share a database

    def __str__(self) -> str:
        if not self.owner:  # the disk was too full to write it down
            return f"{self.what} is in use"
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return (
            f"{self.what} is in use by {self.owner} on {self.host} "
            f"(process {self.pid}) since {since}"
        )


class LeaseKeeper(Protocol):
    """Who holds which name among all that share a database."""

    def hold(
        self,
        name: str,
        *,
        wait: float | None = None,
        note: Callable[[Lease], None] | None = None,
    ) -> AbstractContextManager[Lease]:
        """Hold the lease on ``name`` while the block runs.

        Another process waits, for ``wait`` seconds at most, and without limit by default; ``note``
        is told once whom it is waiting for. When the time is up, `DatabaseBusy` says who it is.
        """

    def held(self) -> list[Lease]:
        """Return the leases that somebody holds at this moment, by name."""

    def check(self) -> None:
        """Raise `LeaseLost` if a lease that this work holds has gone to somebody else."""


class FileLeases:
    """The leases below a root, for the processes of one machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def hold(
        self,
        name: str,
        *,
        wait: float | None = None,
        note: Callable[[Lease], None] | None = None,
    ) -> AbstractContextManager[Lease]:
        """Hold the lease on ``name`` while the block runs; see `LeaseKeeper`."""
        return hold(self._root, name, wait=wait, note=note)

    def held(self) -> list[Lease]:
        """Return the leases that somebody holds at this moment, by name."""
        return held(self._root)

    def check(self) -> None:
        """Do nothing: the kernel takes no lease from a process that lives."""


class _Descriptors(dict[int, int]):
    """The files of the leases that this process holds, and the threads that took them."""

    def close_all(self) -> None:
        """Close the files and keep the locks, in a child that did not take the leases."""
        for descriptor in self:
            with suppress(OSError):
                os.close(descriptor)
        self.clear()


# A lock lives as long as any copy of its descriptor, and a forked child has copies: it would
# keep the leases of a parent that was killed. A handler for forks cannot be taken back, so
# there is one, for all leases of the process.
_HELD = _Descriptors()
os.register_at_fork(after_in_child=_HELD.close_all)


@contextmanager
def hold(
    root: Path,
    name: str,
    *,
    wait: float | None = None,
    note: Callable[[Lease], None] | None = None,
) -> Iterator[Lease]:
    """Hold the lease on ``name`` below ``root`` while the block runs.

    It is one of this machine: `Session.leases` has those of all that share a database. A second
    process waits, for ``wait`` seconds at most, and without limit by default; ``note`` is told
    once whom it is waiting for. When the time is up, `DatabaseBusy` says who it is.
    """
    directory = root / "leases"
    lease = own(name)
    descriptor = _take(directory, lease, wait, note)
    _HELD[descriptor] = get_ident()
    try:
        yield lease
    finally:
        if os.getpid() == lease.pid:  # not in a child that was forked inside the block
            _release(directory, name, descriptor)


def held(root: Path) -> list[Lease]:
    """Return the leases below a root that somebody holds at this moment, by name."""
    directory = root / "leases"
    if not directory.is_dir():
        return []
    with _alone(directory):
        return sorted(lease for file in directory.iterdir() if (lease := _live(file)))


def _sweep(directory: Path) -> None:
    """Delete the files of leases of dead holders; the caller is alone with the directory."""
    for file in list(directory.iterdir()):
        if _live(file) is None:
            file.unlink(missing_ok=True)


def _take(
    directory: Path, lease: Lease, wait: float | None, note: Callable[[Lease], None] | None
) -> int:
    """Take a lease, and return its locked file; wait while another process holds it."""
    deadline = None if wait is None else time.monotonic() + wait
    while True:
        descriptor, holder = _try(directory, lease)
        if holder is None:
            return descriptor
        try:
            if deadline is not None and time.monotonic() >= deadline:
                raise DatabaseBusy(str(holder), hint="try again when that has finished")
            if note:
                note(holder)
                note = None
            _wait(descriptor, deadline)
        finally:
            os.close(descriptor)


def _try(directory: Path, lease: Lease) -> tuple[int, Lease | None]:
    """Return a file that this process locked; or that of the holder, and the lease in it."""
    file = directory / _file_name(lease.what)
    with _alone(directory):
        with suppress(FileNotFoundError):
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
            if not _lock(descriptor):
                _refuse_own(descriptor, lease.what)
                return descriptor, _read(descriptor, lease.what)
            file.unlink()  # its holder died
            os.close(descriptor)
        _sweep(directory)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        flock(descriptor, LOCK_EX)  # at once: no other process looks at it meanwhile
        with suppress(OSError):  # no space left: the lease is held, without the name of its owner
            os.write(descriptor, _record(lease))
        return descriptor, None


def _release(directory: Path, name: str, descriptor: int) -> None:
    with _alone(directory):
        _HELD.pop(descriptor, None)
        with suppress(FileNotFoundError):
            (directory / _file_name(name)).unlink()
        _free(descriptor)


def _wait(descriptor: int, deadline: float | None) -> None:
    """Return when the lease in a file may have been released, or the time is up.

    The file is gone from the directory then, so the lock on it is worth nothing.
    """
    if deadline is None:
        flock(descriptor, LOCK_EX)
        return
    pause = _FIRST_PAUSE
    while not _lock(descriptor) and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Run the block while no other process reads or changes the directory.

    It never waits for a lease inside, so this takes no longer than a few system calls.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _failure(directory, error) from error
    try:
        flock(descriptor, LOCK_EX)
        yield
    except OSError as error:
        raise _failure(directory, error) from error
    finally:
        _free(descriptor)


def _failure(directory: Path, error: OSError) -> DatabaseError:
    hint = ""
    if isinstance(error, PermissionError):
        hint = "let the users of this root share a group that may write to it"
    return cannot_write(f"leases in {directory}", error, hint=hint)


def _lock(descriptor: int, kind: int = LOCK_EX) -> bool:
    try:
        flock(descriptor, kind | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free(descriptor: int) -> None:
    """Unlock and close; closing alone would leave the lock to a child forked meanwhile."""
    flock(descriptor, LOCK_UN)
    os.close(descriptor)


def _live(file: Path) -> Lease | None:
    """Return the lease in a file, or None when it is not held."""
    with suppress(FileNotFoundError):
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return None if _lock(descriptor, LOCK_SH) else _read(descriptor, file.name)
        finally:
            _free(descriptor)
    return None


def _record(lease: Lease) -> bytes:
    return "\0".join(map(str, lease[:_FIELDS])).encode(errors="surrogateescape")


def _read(descriptor: int, name: str) -> Lease:
    fields = os.pread(descriptor, 1 << 16, 0).decode(errors="surrogateescape").split("\0")
    if len(fields) != _FIELDS:
        return Lease(name, "", "", 0, 0)
    what, owner, host, pid, since = fields
    return Lease(what, owner, host, int(pid), int(since))


def _refuse_own(descriptor: int, name: str) -> None:
    """Raise `RuntimeError` where this thread holds the lease: it would wait for itself."""
    file = os.fstat(descriptor)
    for own, thread in list(_HELD.items()):
        if thread == get_ident() and os.path.samestat(os.fstat(own), file):
            os.close(descriptor)
            raise RuntimeError(f"this thread holds the lease on {name} already; pass it down")


def _file_name(name: str) -> str:
    """Return a file name that stands for ``name`` alone."""
    safe = "".join(
        letter if letter in _PLAIN else "".join(f"%{byte:02x}" for byte in os.fsencode(letter))
        for letter in name
    )
    if safe[:1] == "." or not safe:
        safe = "%" + safe
    if len(safe) <= _LONGEST:
        return safe
    from hashlib import blake2b

    return f"{safe[:100]}%%{blake2b(os.fsencode(name), digest_size=16).hexdigest()}"


def own(name: str, node: str = "") -> Lease:
    """Return a lease of this process that begins now."""
    return Lease(name, _user(), os.uname().nodename, os.getpid(), int(time.time()), node)


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        return str(os.geteuid())
