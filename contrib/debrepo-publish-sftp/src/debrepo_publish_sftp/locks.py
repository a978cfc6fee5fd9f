"""Locks: files that only one can create, and that their holders renew."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from debrepo.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    import paramiko

    from debrepo_publish_sftp.connection import Connection

NAME = ".debrepo-lock"
PARTIAL = ".debrepo-partial-"

_FRESH = 15.0  # seconds for which a lock is not renewed again
_ABANDONED = 120.0  # seconds without a renewal after which nobody holds it
_WAIT = 600.0
_PAUSE = 0.1


class SftpLock:
    """A lock that this process holds: the file ``path`` with a text that nobody else has."""

    def __init__(self, connection: Connection, path: str, text: bytes) -> None:
        self.path = path
        self._connection = connection
        self._text = text
        self._since = time.monotonic()

    def renew(self) -> None:
        """Let the lock last longer; raise `Conflict` if somebody has taken it over."""
        if time.monotonic() - self._since < _FRESH:
            return
        if _read(self._connection, self.path) != self._text:
            raise Conflict(f"somebody has taken over the lock {self.path}", hint="try again")
        self._connection.run(lambda sftp: sftp.utime(self.path, None), self.path)
        self._since = time.monotonic()

    def release(self) -> None:
        """Delete it, if it is still this one."""
        if _read(self._connection, self.path) == self._text:
            with suppress(NotFound):
                self._connection.run(lambda sftp: sftp.remove(self.path), self.path)


@contextmanager
def hold(connection: Connection, path: str, owner: str) -> Iterator[SftpLock]:
    """Hold the lock ``path``; wait for others, and raise `Conflict` if that takes too long.

    A lock of the same owner was left by a process that was killed: it is taken over at once, one
    of others when nobody has renewed it for a while.
    """
    text = f"{owner} {os.urandom(8).hex()}".encode()
    deadline = time.monotonic() + _WAIT
    seen: tuple[bytes | None, int] = (None, 0)
    since = time.monotonic()
    while not _create(connection, path, text):
        now = _state(connection, path)
        if now != seen:
            seen, since = now, time.monotonic()
        left = seen[0] is not None and seen[0].rpartition(b" ")[0] == owner.encode()
        if left or time.monotonic() - since > _ABANDONED:
            _take_away(connection, path, seen[0])
        elif time.monotonic() > deadline:
            raise Conflict(
                f"somebody has kept {path} locked for {_WAIT:.0f} seconds",
                hint="if nobody publishes there, delete it",
            )
        else:
            connection.pause(_PAUSE)
    lock = SftpLock(connection, path, text)
    try:
        yield lock
    finally:
        lock.release()


def _create(connection: Connection, path: str, text: bytes) -> bool:
    """Create the lock, with its text in it from the start; return whether it is ours."""

    def attempt(sftp: paramiko.SFTPClient) -> bool:
        partial = f"{path.rpartition('/')[0]}/{PARTIAL}{os.urandom(8).hex()}"
        with sftp.open(partial, "wb") as file:
            file.write(text)
        try:
            sftp.rename(partial, path)  # which does not replace
        except OSError:
            sftp.remove(partial)
            return False
        return True

    # An attempt whose answer got lost has created it all the same.
    return connection.run(attempt, path) or _read(connection, path) == text


def _read(connection: Connection, path: str) -> bytes | None:
    def attempt(sftp: paramiko.SFTPClient) -> bytes:
        with sftp.open(path, "rb") as file:
            return bytes(file.read())

    try:
        return connection.run(attempt, path)
    except NotFound:
        return None


def _state(connection: Connection, path: str) -> tuple[bytes | None, int]:
    """Return what changes with each holder and each renewal."""
    text = _read(connection, path)
    try:
        return text, int(connection.run(lambda sftp: sftp.stat(path), path).st_mtime or 0)
    except NotFound:
        return None, 0


def _take_away(connection: Connection, path: str, text: bytes | None) -> None:
    """Remove the lock with this text; put another one back, which was faster."""
    aside = f"{path.rpartition('/')[0]}/{PARTIAL}{os.urandom(8).hex()}"
    with suppress(NotFound):
        connection.run(lambda sftp: sftp.rename(path, aside), path)
        if _read(connection, aside) == text:
            connection.run(lambda sftp: sftp.remove(aside), aside)
        else:
            connection.run(lambda sftp: sftp.rename(aside, path), path)
