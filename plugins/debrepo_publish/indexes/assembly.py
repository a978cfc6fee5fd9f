"""Assembly: an index grows fragment by fragment; a large one waits on disk until it is wanted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from weakref import finalize

from debrepo.errors import cannot_write
from debrepo_publish.model.hashing import Checksums
from debrepo_publish.model.publication import Index

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from debrepo_publish.indexes.compression import Compression

LARGE = 8 << 20  #: bytes of an index that stay in memory; what follows goes to disk with them


class SpooledBytes:
    """The bytes of an index in a file that has no name, and goes with this."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.size = 0
        try:
            path = directory / f"index-{os.urandom(8).hex()}"
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            finalize(self, os.close, self._fd)
            path.unlink()
        except OSError as error:
            raise cannot_write(directory, error) from error

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        """Write further bytes."""
        data = memoryview(b"".join(parts))
        try:
            while data:
                written = os.write(self._fd, data)
                self.size += written
                data = data[written:]
        except OSError as error:
            raise cannot_write(self._directory, error) from error

    def read(self) -> bytes:
        """Return all of them."""
        with open(self._fd, "rb", closefd=False) as file:
            file.seek(0)
            return file.read()


class Assembly:
    """A compressed index on its way, and its checksums."""

    def __init__(self, compression: Compression, checksums: Sequence[str], directory: Path) -> None:
        self._joiner = compression.joiner()
        self._checksums = Checksums(checksums)
        self._directory = directory
        self._parts: list[bytes | memoryview] = []
        self._held = 0
        self._spooled: SpooledBytes | None = None

    def add(self, piece: bytes) -> None:
        """Add the next fragment."""
        self._write(self._joiner.add(piece))

    def end(self) -> tuple[Index, bytes | SpooledBytes]:
        """Return the finished index, and its bytes."""
        self._write(self._joiner.end())
        if self._spooled is None:
            data: bytes | SpooledBytes = b"".join(self._parts)
        else:
            self._spooled.write(self._parts)
            data = self._spooled
        md5, sha1, sha256, sha512 = self._checksums.hexdigests()
        return Index(self._checksums.size, md5, sha1, sha256, sha512, stored=True), data

    def _write(self, part: bytes | memoryview) -> None:
        self._checksums.feed(part)
        self._parts.append(part)
        self._held += len(part)
        if self._held > LARGE:
            self._spooled = self._spooled or SpooledBytes(self._directory)
            self._spooled.write(self._parts)
            self._parts, self._held = [], 0
