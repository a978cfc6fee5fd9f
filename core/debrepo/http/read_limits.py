"""Limits of read-only requests: how many run at once, and for how long."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from anyio import CapacityLimiter

from debrepo.stopping import current

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from debrepo.calls import Call
    from debrepo.config import Config


class ReadLimiter:
    """Limits parallel reads, so that threads are left for writes and for other callers.

    One caller gets at most half of the ``most`` reads. A limiter belongs to one event loop.
    """

    def __init__(self, most: int) -> None:
        self._all = CapacityLimiter(most)
        self._share = share(most)
        self._each: WeakValueDictionary[str, CapacityLimiter] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """Wait until ``who`` may read, and count one read during the block."""
        own = self._each.get(who)
        if own is None:
            own = self._each[who] = CapacityLimiter(self._share)
        async with own, self._all:
            yield


def share(most: int) -> int:
    """Return how many of ``most`` parallel reads one caller may have."""
    return max(1, most // 2)


def begin(config: Config, check: Callable[[Call], None], call: Call) -> None:
    """Check an operation, and set the time limit of the request."""
    check(call)
    watch = current()
    if watch is None:
        return
    operation = call.operation
    if operation.changes:
        watch.changes = True
    elif not operation.long:  # those that read every file may take long, and can be cancelled
        seconds = config["server.read_seconds"]
        if seconds:
            watch.allow(
                seconds,
                f"this takes more than {seconds} seconds",
                "request less at a time, or raise server.read_seconds",
            )
