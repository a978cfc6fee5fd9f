"""Files of this machine, read as if they were fetched."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

from debrepo import stopping
from debrepo.transport import NOTHING_KNOWN, Fetched, Transport, Validators

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.transport import TransportOptions, Want

_BLOCK = 1 << 18
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # never wait for the writer of a pipe


class FileTransport(Transport):
    """``file:///srv/debian/``; a file is recognized by its inode, size and date."""

    def __init__(self, options: TransportOptions) -> None:
        self._pace = options.pace

    @classmethod
    def open(cls, options: TransportOptions) -> Self:
        return cls(options)

    def fetch(self, wants: Iterable[Want]) -> Iterator[Fetched]:
        for want in wants:
            stopping.checkpoint()
            yield self._fetch(want)

    def close(self) -> None:
        """Nothing stays open."""

    def _fetch(self, want: Want) -> Fetched:
        parts = urlsplit(want.url)
        if parts.netloc not in ("", "localhost"):
            return _failed(want, f"file URLs have no host, found {parts.netloc}")
        try:
            fd = os.open(unquote(parts.path), _FLAGS)
            try:
                return self._read(want, fd)
            finally:
                os.close(fd)
        except (FileNotFoundError, NotADirectoryError):
            return Fetched(want, "missing", reason="there is no such file", url=want.url)
        except OSError as error:
            return _failed(want, error.strerror or str(error))
        except ValueError:
            return _failed(want, "no file can have this name")

    def _read(self, want: Want, fd: int) -> Fetched:
        state = os.fstat(fd)
        if not stat.S_ISREG(state.st_mode):
            return _failed(want, "not a regular file")
        known = Validators(f'"{state.st_ino:x}-{state.st_size:x}-{state.st_mtime_ns:x}"')
        if not want.offset and want.validators == known:
            return Fetched(want, "unchanged", 0, known, url=want.url)
        if state.st_size > want.limit:
            return _failed(want, f"more than the {want.limit} bytes expected")
        try:
            size = self._send(want, fd, known, state.st_size)
        except OSError as error:
            return _failed(want, error.strerror or str(error), known)
        except _Raised as raised:
            return _failed(want, str(raised.error), known, raised.error)
        if size != state.st_size:
            return _failed(want, f"ended after {size} of {state.st_size} bytes", known)._replace(
                size=size, again=True
            )
        return Fetched(want, "whole", size, known, url=want.url)

    def _send(self, want: Want, fd: int, known: Validators, size: int) -> int:
        """Hand on the bytes, and return up to where that went."""
        at = want.offset
        if at and (at > size or want.validators not in (known, NOTHING_KNOWN)):
            with _of_caller():
                want.restart()
            at = 0
        with _of_caller():
            if want.begin is not None:
                want.begin(known)
        os.lseek(fd, at, os.SEEK_SET)
        while at < size and (block := os.read(fd, min(_BLOCK, size - at))):
            stopping.checkpoint()
            self._pace.received(len(block))
            with _of_caller():
                want.receive(block)
            at += len(block)
            self._pace.keep()
        return at


class _Raised(Exception):
    """An error of the caller's own, which is told apart from those of reading."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _of_caller:  # noqa: N801  # it is used as a function
    """Mark what a function of the caller's raises."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, where: object) -> None:
        if isinstance(error, Exception):
            raise _Raised(error) from error


def _failed(
    want: Want, reason: str, known: Validators = NOTHING_KNOWN, error: Exception | None = None
) -> Fetched:
    return Fetched(want, "failed", 0, known, reason, url=want.url, error=error)
