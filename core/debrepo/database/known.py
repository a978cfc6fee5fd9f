"""Known entries: what was read of one state of a store that is far away, and need not be asked."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MOST = 64 << 20  # bytes of keys and values


class Unknown:
    """What is said of a key that was never asked for."""


UNKNOWN: Final = Unknown()


class KnownState:
    """Entries of the state ``serial``, and stretches of keys of which every entry is known."""

    def __init__(self) -> None:
        self.serial = -1
        self._values: dict[bytes, bytes | None] = {}
        self._lows: list[bytes] = []
        self._highs: list[bytes] = []  # stretches are disjoint, and do not touch
        self._keys: list[bytes] = []  # of the entries within stretches, in order
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether it takes so much memory that it is best begun anew."""
        return self._bytes > _MOST

    def reset(self, serial: int) -> None:
        """Begin anew, with another state of which nothing is known."""
        self.__init__()  # type: ignore[misc]
        self.serial = serial

    def get(self, key: bytes) -> bytes | Unknown | None:
        """Return a value, ``None`` if there is no such entry, or `UNKNOWN`."""
        found = self._values.get(key, UNKNOWN)
        return None if found is UNKNOWN and self._covers(key) else found

    def learn(self, asked: Iterable[bytes], found: Mapping[bytes, bytes]) -> None:
        """Note the answer to a question for some keys."""
        for key in asked:
            value = found.get(key)
            self._values[key] = value
            self._bytes += len(key) + len(value or b"")

    def learn_range(self, low: bytes, high: bytes, entries: Sequence[tuple[bytes, bytes]]) -> None:
        """Note all entries from ``low`` to before ``high``."""
        if low >= high:
            return
        self._values.update(entries)
        self._bytes += sum(len(key) + len(value) for key, value in entries)
        at, stop = bisect_left(self._keys, low), bisect_left(self._keys, high)
        self._keys[at:stop] = [key for key, _ in entries]
        first, last = bisect_left(self._highs, low), bisect_right(self._lows, high)
        if first < last:
            low, high = min(low, self._lows[first]), max(high, self._highs[last - 1])
        self._lows[first:last], self._highs[first:last] = [low], [high]

    def apply(self, changes: Mapping[bytes, bytes | None], serial: int) -> None:
        """Go on to the state that follows from changes; ``None`` stands for a removed entry."""
        self.serial = serial
        for key, value in changes.items():
            self._values[key] = value
            self._bytes += len(key) + len(value or b"")
            if self._covers(key):
                at = bisect_left(self._keys, key)
                is_there = self._keys[at : at + 1] == [key]
                if value is None and is_there:
                    del self._keys[at]
                elif value is not None and not is_there:
                    self._keys.insert(at, key)

    def stretch(self, low: bytes, high: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Return what is known of a range from its start on, and up to where all is known."""
        at = bisect_right(self._lows, low) - 1
        if at < 0 or self._highs[at] <= low:
            return [], low
        end = min(high, self._highs[at])
        return self._between(low, end), end

    def stretch_back(self, low: bytes, high: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Return what is known of a range from its end on, and from where all is known."""
        at = bisect_left(self._lows, high) - 1
        if at < 0 or self._highs[at] < high:
            return [], high
        start = max(low, self._lows[at])
        return self._between(start, high)[::-1], start

    def _between(self, low: bytes, high: bytes) -> list[tuple[bytes, bytes]]:
        keys = self._keys[bisect_left(self._keys, low) : bisect_left(self._keys, high)]
        return [(key, value) for key in keys if (value := self._values[key]) is not None]

    def _covers(self, key: bytes) -> bool:
        at = bisect_right(self._lows, key) - 1
        return at >= 0 and key < self._highs[at]
