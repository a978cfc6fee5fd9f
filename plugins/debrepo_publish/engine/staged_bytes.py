"""Bytes on their way into a storage: large ones are read when it is their turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import DatabaseError
from debrepo_publish.indexes.assembly import SpooledBytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from debrepo.pool import Pool
    from debrepo_publish.model.publication import Index


class PoolBytes(NamedTuple):
    """The bytes of a file in the pool, as long as nobody has asked for them."""

    pool: Pool
    sha256: str
    size: int

    def read(self) -> bytes:
        """Return them."""
        with self.pool.open(self.sha256) as source:
            data = source.read()
        if len(data) != self.size:
            raise DatabaseError(
                f"{self.sha256} in the pool has {len(data)} bytes instead of {self.size}",
                hint='run "debrepo db check"',
            )
        return data


#: Bytes, or where they are.
Held = bytes | PoolBytes | SpooledBytes


def bytes_of(held: Held) -> bytes:
    """Return bytes, wherever they are."""
    return held if isinstance(held, bytes) else held.read()


class StagedBytes(Mapping[str, bytes]):
    """Contents by path, in order; a large one is in memory only while it is looked at."""

    def __init__(self, held: Mapping[str, Held]) -> None:
        self._held = dict(held)

    def __getitem__(self, path: str) -> bytes:
        return bytes_of(self._held[path])

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def ordered(self, paths: Iterable[str], more: Mapping[str, bytes]) -> StagedBytes:
        """Return the same in another order, with ``more`` behind it."""
        return StagedBytes({**{path: self._held[path] for path in paths}, **more})

    def below(self, place: Callable[[str], str]) -> StagedBytes:
        """Return the same by other paths."""
        return StagedBytes({place(path): found for path, found in self._held.items()})


def of_index(pool: Pool, index: Index) -> PoolBytes:
    """Return the bytes of an index that is in the pool."""
    return PoolBytes(pool, index.sha256, index.size)
