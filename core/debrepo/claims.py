"""Claims: the pool files that are needed before a transaction names them.

Adding packages claims each file before it looks whether the pool has it, and releases them
after the commit. A claim is a row of digests in a file with a lock of the kernel's on
it, so that it ends with its owner, however that dies.

Several machines may share the pool on a network file system, where locks on files hold for all
of them, and those on directories for one: so what all lock in turn is a file, too.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_DIGEST = 32  # bytes


class Claim:
    """A list of digests that grows while its owner works, in any of its threads."""

    def __init__(self, path: str, file: int, common: int) -> None:
        self.path = path
        self._file = file
        self._common = common
        self._adding = Lock()  # threads share what is locked
        self._ahead: set[str] = set()  # claimed together, of which each is still to be asked for

    def add(self, sha256: str) -> None:
        """Claim a file, whether it is there or not; from now on no cleanup deletes it."""
        if sha256 in self._ahead:
            self._ahead.discard(sha256)
        else:
            self._write(bytes.fromhex(sha256))

    def add_ahead(self, digests: Collection[str]) -> None:
        """Claim many files, which takes no longer than one; a later `add` of each is free."""
        self._write(b"".join(map(bytes.fromhex, digests)))
        self._ahead.update(digests)

    def _write(self, digests: bytes) -> None:
        with self._adding:
            flock(self._common, LOCK_SH)
            try:
                os.write(self._file, digests)
            finally:
                flock(self._common, LOCK_UN)

    def close(self) -> None:
        """Stop using it; it ends when its owner has closed it, too."""
        os.close(self._file)
        os.close(self._common)


@contextmanager
def hold(directory: str) -> Iterator[Claim]:
    """Hold a claim, empty at first, while the block runs."""
    os.makedirs(directory, exist_ok=True)
    common = _common(directory)
    path = f"{directory}/{os.getpid()}-{os.urandom(6).hex()}"
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        flock(
            common, LOCK_SH
        )  # until the file is locked, others would take it for that of a dead process
        file = os.open(path, flags, 0o666)
        flock(file, LOCK_EX)
        flock(common, LOCK_UN)
    except BaseException:
        os.close(common)
        raise
    claim = Claim(path, file, common)
    try:
        yield claim
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)
        claim.close()


def join(path: str) -> Claim:
    """Return the claim of another process, to which this one adds."""
    directory = os.path.dirname(path)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    return Claim(path, file, _common(directory))


@contextmanager
def standing(directory: str) -> Iterator[set[str]]:
    """Run the block with what is claimed, while no other process can add claims.

    Keep it short: all that add packages wait. What dead owners left goes.
    """
    os.makedirs(directory, exist_ok=True)
    common = _common(directory)
    try:
        flock(common, LOCK_EX)
        found: set[str] = set()
        for name in os.listdir(directory):
            found |= _read(f"{directory}/{name}")
        yield found
    finally:
        os.close(common)


def _common(directory: str) -> int:
    """Open the file beside the claims that those who add lock in common, and cleanups alone."""
    return os.open(f"{directory}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _read(path: str) -> set[str]:
    with suppress(FileNotFoundError):  # it has just been released
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            try:
                flock(file, LOCK_SH | LOCK_NB)
            except BlockingIOError:
                return _digests(file)
            os.unlink(path)
        finally:
            os.close(file)
    return set()


def _digests(file: int) -> set[str]:
    data = os.pread(file, os.fstat(file).st_size, 0)
    return {data[at : at + _DIGEST].hex() for at in range(0, len(data), _DIGEST)}
