"""Looking up many names in one set, reading each chunk once at most."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from debrepo.packageset.tree import Store, ahead, chunks, each_entries, entries_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.package import Entry, SetId


class Lookup:
    """A set held open: what it has under a name, at the cost of one chunk, and then of none."""

    def __init__(self, store: Store, set_id: SetId) -> None:
        self._store = store
        self._chunks = chunks(store, set_id)
        self._firsts = [chunk.first for chunk in self._chunks]
        self._names: dict[int, dict[bytes, list[Entry]]] = {}

    def expect(self, names: Iterable[bytes]) -> None:
        """Fetch what `named` will need for these names in one go."""
        wanted = {index for name in names for index in range(*self._bounds(name))}
        ahead(self._store, (self._chunks[index].hash for index in wanted - self._names.keys()))

    def _bounds(self, name: bytes) -> tuple[int, int]:
        start = max(bisect_right(self._firsts, name + b"\0") - 1, 0)
        return start, bisect_left(self._firsts, name + b"\1")

    def named(self, name: bytes) -> list[Entry]:
        """Return the entries of the packages called ``name``, in order."""
        start, stop = self._bounds(name)
        if stop - start == 1:
            return self._of_chunk(start).get(name, [])
        return [e for index in range(start, stop) for e in self._of_chunk(index).get(name, ())]

    def __iter__(self) -> Iterator[Entry]:
        for entries in each_entries(self._store, self._chunks):
            yield from entries

    def __contains__(self, entry: Entry) -> bool:
        return entry in self.named(entry.partition(b"\0")[0])

    def _of_chunk(self, index: int) -> dict[bytes, list[Entry]]:
        found = self._names.get(index)
        if found is None:
            found = self._names[index] = {}
            for entry in entries_of(self._store, self._chunks[index].hash):
                found.setdefault(entry[: entry.index(b"\0")], []).append(entry)
        return found
