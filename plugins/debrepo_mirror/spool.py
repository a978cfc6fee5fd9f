"""The spool: packages that are new to debrepo, kept in a file until their own files are here."""

from __future__ import annotations

import os
from array import array
from errno import EISDIR, EOPNOTSUPP
from typing import TYPE_CHECKING

from debrepo.errors import cannot_write
from debrepo.package import Entry, Package, PackageKey, decode, encode
from debrepo_mirror.upstream.stanzas import Offered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_BUFFER = 1 << 18  # bytes that are written at once
_NAMED_ONLY = frozenset({EISDIR, EOPNOTSUPP})  # a file system where each file has a name


class Spool:
    """Records by their provisional entries: in memory is only where they are."""

    def __init__(self, directory: Path) -> None:
        self._place = directory
        try:
            self._fd = _open(directory)
        except OSError as error:
            raise cannot_write(directory, error) from error
        self._known: dict[Entry, int] = {}  # numbers, which the others go by
        self._offsets = array("Q")
        self._lengths = array("Q")
        self._sizes = array("Q")  # of the packages' files
        self._waiting: list[bytes] = []  # to be written
        self._written = self._end = 0

    def __contains__(self, entry: Entry) -> bool:
        return entry in self._known

    def __len__(self) -> int:
        return len(self._known)

    def add(self, offered: Offered) -> Entry:
        """Keep a package; return the entry that it is known by here."""
        entry = offered.package.key.entry
        size = sum(max(file.size, 0) for file in offered.package.files)
        self.put(entry, encode(offered.package), "\0".join(offered.paths).encode(), size)
        return entry

    def put(self, entry: Entry, record: bytes, paths: bytes, size: int) -> None:
        """Keep a record, where the package's files are, with NULs between, and their size."""
        number = len(self._known)
        if self._known.setdefault(entry, number) != number:
            return
        data = b"%b\n%b" % (paths, record)
        self._offsets.append(self._end)
        self._lengths.append(len(data))
        self._sizes.append(size)
        self._waiting.append(data)
        self._end += len(data)
        if self._end - self._written >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        data = memoryview(b"".join(self._waiting))
        self._waiting.clear()
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            raise cannot_write(self._place, error) from error
        self._written = self._end

    def size(self, entry: Entry) -> int:
        """Return how many bytes the files of a package have."""
        return self._sizes[self._known[entry]]

    def get(self, entry: Entry) -> Offered:
        """Return a package as it is offered."""
        record, paths = self.read(entry)
        package: Package = decode(PackageKey.from_entry(entry), record)
        return Offered(package, tuple(paths.decode().split("\0")))

    def record(self, entry: Entry) -> bytes:
        """Return the record of a package."""
        return self.read(entry)[0]

    def read(self, entry: Entry) -> tuple[bytes, bytes]:
        """Return the record of a package and where its files are, as they were `put` here."""
        if self._waiting:
            self._flush()
        number = self._known[entry]
        data = os.pread(self._fd, self._lengths[number], self._offsets[number])
        paths, _, record = data.partition(b"\n")
        return record, paths

    def read_many(self, entries: Sequence[Entry]) -> list[tuple[bytes, bytes]]:
        """Return what `read` does of each; where they lie together, they are read at once."""
        if self._waiting:
            self._flush()
        numbers = [self._known[entry] for entry in entries]
        places = [(self._offsets[number], self._lengths[number]) for number in numbers]
        begin, end = min(places)[0], max(at + length for at, length in places)
        if end - begin > 2 * sum(length for _, length in places):
            return [self.read(entry) for entry in entries]
        whole = os.pread(self._fd, end - begin, begin)
        found = []
        for at, length in places:
            middle = whole.index(b"\n", at - begin)
            record = whole[middle + 1 : at - begin + length]
            found.append((record, whole[at - begin : middle]))
        return found

    def close(self) -> None:
        """Remove the file."""
        os.close(self._fd)


def _open(directory: Path) -> int:
    """Open a new file that has no name."""
    try:
        return os.open(directory, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in _NAMED_ONLY:
            raise
    path = directory / f"{os.getpid()}-{os.urandom(6).hex()}.spool"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    path.unlink()
    return fd
