"""The cache of a mirror: indexes as they were read last, which may be lost at any time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from debrepo.errors import cannot_write

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from debrepo_mirror.upstream.indexes import ReadIndex

_BLOCK = 1 << 18
_PARTIAL = ".partial"


class HeldIndex(NamedTuple):
    """An index that is here: a file that was verified when it was fetched."""

    path: Path
    suffix: str
    algorithm: str
    digest: str  #: what the index is recognized by; see `upstream.indexes.fingerprint`

    def pieces(self) -> Iterator[bytes]:
        """Yield its bytes, as they were fetched."""
        with self.path.open("rb") as file:
            while piece := file.read(_BLOCK):
                yield piece


class IndexCache:
    """A directory with the indexes of one mirror, each under what it is recognized by."""

    def __init__(self, root: Path, uuid: str) -> None:
        self.directory = root / "cache" / "mirror" / uuid

    def prepare(self) -> None:
        """Create the directory, and remove what a killed update has left half done."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            for path in self.directory.glob(f"*{_PARTIAL}"):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.directory, error) from error

    def partial(self, key: str, suffix: str = "") -> Path:
        """Return where to write a file that is not verified yet."""
        return self.directory / f"{quote(key, safe='')[:180]}{suffix}{_PARTIAL}"

    def keep(self, partial: Path, index: ReadIndex, fingerprint: str, suffix: str) -> HeldIndex:
        """Give a verified file its name."""
        algorithm, _, digest = fingerprint.partition(":")
        path = self.directory / f"{_stem(index.path)}~{algorithm}~{digest}{suffix}"
        try:
            partial.replace(path)
        except OSError as error:
            raise cannot_write(path, error) from error
        return HeldIndex(path, suffix, algorithm, digest)

    def held(self, index: ReadIndex) -> list[HeldIndex]:
        """Return the states of an index that are here."""
        return [held for held in self._all() if held.path.name.startswith(f"{_stem(index.path)}~")]

    def find(self, index: ReadIndex, fingerprint: str) -> HeldIndex | None:
        """Return an index as it is recognized by a checksum, if it is here."""
        for held in self.held(index):
            if f"{held.algorithm}:{held.digest}" == fingerprint:
                return held
        return None

    def all_held(self) -> list[HeldIndex]:
        """Return the states of all indexes that are here."""
        return list(self._all())

    def remembered(self, path: str) -> Path:
        """Return the file of what `memory` keeps of an index."""
        return self.directory / f"{_stem(path)}~known"

    def names(self, path: str, fingerprint: str) -> list[str]:
        """Return the names of the files that an index has with this checksum."""
        start = f"{_stem(path)}~{fingerprint.replace(':', '~')}"
        return [held.path.name for held in self._all() if held.path.name.startswith(start)]

    def prune(self, keep: Collection[str]) -> None:
        """Remove all but the files with these names."""
        for path in list(self.directory.iterdir()):
            if path.name not in keep:
                with suppress(OSError):
                    path.unlink()

    def _all(self) -> Iterator[HeldIndex]:
        with suppress(FileNotFoundError):
            for path in sorted(self.directory.iterdir()):
                parts = path.name.split("~")
                if len(parts) == 3 and not path.name.endswith(_PARTIAL):
                    digest, dot, ending = parts[2].partition(".")
                    yield HeldIndex(path, dot + ending, parts[1], digest)


def _stem(path: str) -> str:
    """Return an index's path as the start of a file name; a tilde ends it."""
    return quote(path, safe="").replace("~", "%7E")


def write(path: Path, pieces: Iterable[bytes]) -> int:
    """Write a file of the cache; return its size."""
    size = 0
    try:
        with path.open("wb") as file:
            for piece in pieces:
                size += _put(file, piece)
    except OSError as error:
        raise cannot_write(path, error) from error
    return size


def _put(file: BinaryIO, piece: bytes) -> int:
    file.write(piece)
    return len(piece)


def sweep(root: Path, uuids: Collection[str]) -> None:
    """Remove the caches of mirrors that are gone."""
    place = root / "cache" / "mirror"
    with suppress(OSError):
        for directory in place.iterdir():
            if len(directory.name) == 36 and directory.name not in uuids:
                for path in directory.iterdir():
                    path.unlink(missing_ok=True)
                directory.rmdir()
