"""Claiming packages and files: what one process reads or fetches, no other does meanwhile.

A claim is a lock of the kernel's on one byte of a file, the one that a package's entry, or the
digest of a file, hashes to: it ends with its owner, however that dies. Those that share a byte
wait for each other.
"""

from __future__ import annotations

import fcntl
import os
import time
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING

from debrepo.errors import cannot_write
from debrepo.stopping import checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Self


_LOCK = Struct("@hhqqi4x")  # the kernel's struct flock, padded as C does it
_PAUSE = 0.05  # seconds between two looks at somebody's claim


class Claims:
    """What one piece of work has claimed, below the root of a database."""

    def __init__(self, root: Path) -> None:
        database = root / "db"
        # Elsewhere a database is no directory. Another node may read the same then, to no harm.
        path = (database if database.is_dir() else root / "cache") / "reading"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise cannot_write(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def take(self, entry: bytes) -> bool:
        """Claim something; return whether it was free."""
        try:
            self._set(fcntl.F_WRLCK, entry)
        except BlockingIOError:
            return False
        except PermissionError:  # what some kernels say instead
            return False
        return True

    def release(self, entries: Iterable[bytes]) -> None:
        """Give claims up."""
        for entry in entries:
            self._set(fcntl.F_UNLCK, entry)

    def wait(self, entry: bytes) -> None:
        """Return once nobody claims something; hold nothing meanwhile that others wait for."""
        while not self.take(entry):
            checkpoint()
            time.sleep(_PAUSE)
        self.release([entry])

    def _set(self, kind: int, entry: bytes) -> None:
        byte = int.from_bytes(blake2b(entry, digest_size=8).digest(), "big") >> 2
        lock = _LOCK.pack(kind, os.SEEK_SET, byte, 1, 0)
        fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, lock)
