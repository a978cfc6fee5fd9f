"""The spool: packages that are new to debrepo, kept in a file until their own files are here."""

from __future__ import annotations

import tempfile
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import cannot_write
from debrepo.package import Entry, Package, PackageKey, decode, encode
from debrepo_mirror.upstream.stanzas import Offered

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = Struct(">IIQ")  # bytes of the record and of the paths, and of the package's files


class Spooled(NamedTuple):
    """Where a package is in the spool."""

    offset: int
    size: int  #: bytes of the package's files


class Spool:
    """Records by their provisional entries: in memory is only where they are."""

    def __init__(self, directory: Path) -> None:
        self._place = directory
        try:
            self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115  # see `close`
        except OSError as error:
            raise cannot_write(directory, error) from error
        self._known: dict[Entry, Spooled] = {}
        self._end = 0
        self._at_end = True  # where the next byte is written without a seek, which costs a flush

    def __contains__(self, entry: Entry) -> bool:
        return entry in self._known

    def __len__(self) -> int:
        return len(self._known)

    def add(self, offered: Offered) -> Entry:
        """Keep a package; return the entry that it is known by here."""
        entry = offered.package.key.entry
        if entry in self._known:
            return entry
        record, paths = encode(offered.package), "\0".join(offered.paths).encode()
        size = sum(max(file.size, 0) for file in offered.package.files)
        data = _HEAD.pack(len(record), len(paths), size) + record + paths
        try:
            if not self._at_end:
                self._file.seek(self._end)
                self._at_end = True
            self._file.write(data)
        except OSError as error:
            raise cannot_write(self._place, error) from error
        self._known[entry] = Spooled(self._end, size)
        self._end += len(data)
        return entry

    def size(self, entry: Entry) -> int:
        """Return how many bytes the files of a package have."""
        return self._known[entry].size

    def get(self, entry: Entry) -> Offered:
        """Return a package as it is offered."""
        record, paths = self._read(entry)
        package: Package = decode(PackageKey.from_entry(entry), record)
        return Offered(package, tuple(paths.decode().split("\0")))

    def record(self, entry: Entry) -> bytes:
        """Return the record of a package."""
        return self._read(entry)[0]

    def _read(self, entry: Entry) -> tuple[bytes, bytes]:
        self._at_end = False
        self._file.seek(self._known[entry].offset)
        record, paths, _ = _HEAD.unpack(self._file.read(_HEAD.size))
        data = self._file.read(record + paths)
        return data[:record], data[record:]

    def close(self) -> None:
        """Remove the file."""
        self._file.close()
