"""Parallel requests, as many as the service accepts."""

from __future__ import annotations

import threading


class Lanes:
    """A limit on requests under way: halved when the service is busy, then widened slowly."""

    def __init__(self, widest: int) -> None:
        self.widest = widest
        self._limit = float(widest)
        self._busy = 0
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        return int(self._limit)

    def __enter__(self) -> None:
        """Wait for a lane, to keep it for the length of a request."""
        with self._changed:
            while self._busy >= self.limit:
                self._changed.wait()
            self._busy += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._busy -= 1
            self._changed.notify()

    def narrow(self) -> None:
        """Reduce the limit, because the service asked for fewer requests."""
        with self._changed:
            self._limit = max(1.0, self._limit / 2)

    def widen(self) -> None:
        """Raise the limit slowly, because the service answered."""
        if self._limit < self.widest:
            with self._changed:
                self._limit = min(float(self.widest), self._limit + 1 / self._limit)
                self._changed.notify()
