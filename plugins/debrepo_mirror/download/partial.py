"""Partial files: what has come of a large file, kept for the next run if this one ends early."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from hashlib import blake2b
from time import time
from typing import TYPE_CHECKING, Self

from debrepo.errors import cannot_write
from debrepo.transport import NOTHING_KNOWN, Validators

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from debrepo.package import PackageFile

_KEPT = 14 * 24 * 3600  # seconds; what nobody goes on with is of no use
_BLOCK = 1 << 18


class PartialFiles:
    """The directory of partial files, which all processes of a root share.

    A file is named after its content as far as that is known, and else after its URL. Its lock
    belongs to the one who receives it; another one who wants it as well has a file without a name.
    """

    def __init__(self, directory: Path) -> None:
        self.path = os.fspath(directory)

    @classmethod
    def of(cls, root: Path) -> Self:
        """Return the partial files of a root."""
        return cls(root / "cache" / "mirror" / "partial")

    def named(self, sha256: str) -> str:
        """Return where a file is that is called after its content."""
        return f"{self.path}/{sha256}"

    def prepare(self) -> None:
        """Make the directory, and remove what has been there for too long."""
        try:
            os.makedirs(self.path, exist_ok=True)
            before = time() - _KEPT
            for entry in os.scandir(self.path):
                if entry.stat().st_mtime < before:
                    os.unlink(entry.path)
        except FileNotFoundError:  # another process was faster
            pass
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def open(self, url: str, listed: PackageFile) -> PartialFile:
        """Open the partial file for what is listed, empty if there was none."""
        name = listed.sha256 or listed.sha512[:64] or _named_after(url)
        return PartialFile.open(f"{self.path}/{name}")

    def size(self, url: str, listed: PackageFile) -> int:
        """Return how many bytes of a file are here; a look, which need not hold."""
        name = listed.sha256 or listed.sha512[:64] or _named_after(url)
        try:
            return os.stat(f"{self.path}/{name}").st_size
        except OSError:
            return 0


class PartialFile:
    """A file on its way, which is locked; what is written to it stays if the process is killed."""

    def __init__(self, path: str, fd: int, *, shared: bool) -> None:
        self.path = path
        self.fd = fd
        self._shared = shared  # by its name: the next run finds it

    @classmethod
    def open(cls, path: str) -> Self:
        """Open the file and lock it, or one of our own if another process has locked it."""
        try:
            while True:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    flock(fd, LOCK_EX | LOCK_NB)
                except BlockingIOError:
                    os.close(fd)
                    return cls._own(f"{path}.{os.getpid()}")
                if _is(path, fd):
                    return cls(path, fd, shared=True)
                os.close(fd)  # it went into the pool, or was dropped, since it was opened
        except OSError as error:
            raise cannot_write(path, error) from error

    @classmethod
    def _own(cls, path: str) -> Self:
        path = f"{path}.{os.urandom(4).hex()}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        flock(fd, LOCK_EX)
        return cls(path, fd, shared=False)

    @property
    def size(self) -> int:
        """How many bytes are here."""
        return os.fstat(self.fd).st_size

    def blocks(self) -> Iterator[bytes]:
        """Yield what is here; afterwards bytes are added behind it."""
        os.lseek(self.fd, 0, os.SEEK_SET)
        while block := os.read(self.fd, _BLOCK):
            yield block

    def validators(self, url: str) -> Validators:
        """Return what the server at ``url`` said of the bytes that are here."""
        try:
            with open(f"{self.path}.from", "rb") as file:
                known = json.load(file)
            if known["url"] == url:
                return Validators(str(known["etag"]), str(known["modified"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return NOTHING_KNOWN

    def begin(self, url: str, validators: Validators) -> None:
        """Write down what the bytes will be recognized by that come now."""
        if not self._shared:
            return
        known = {"url": url, "etag": validators.etag, "modified": validators.modified}
        try:
            with open(f"{self.path}.from", "w", encoding="ascii") as file:
                json.dump(known, file)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""
        try:
            written = os.write(self.fd, data)
            while written < len(data):
                written += os.write(self.fd, memoryview(data)[written:])
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def empty(self) -> None:
        """Drop the bytes that are here."""
        try:
            os.ftruncate(self.fd, 0)
            os.lseek(self.fd, 0, os.SEEK_SET)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        """Leave it for another run, unless that would not find it."""
        if self._shared:
            os.close(self.fd)
        else:
            self.drop()

    def drop(self) -> None:
        """Remove it; if it has a place in the pool, only its validators are left to remove."""
        with suppress(OSError):
            if _is(self.path, self.fd):
                os.unlink(self.path)
        with suppress(OSError):
            os.unlink(f"{self.path}.from")
        os.close(self.fd)


def _is(path: str, fd: int) -> bool:
    """Whether a name still stands for an open file."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return False
    mine = os.fstat(fd)
    return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)


def _named_after(url: str) -> str:
    return "url-" + blake2b(url.encode(), digest_size=24).hexdigest()
