"""Reading: how many read-only requests run at once, and for how long."""

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


class Turns:
    """Turns for those who read: threads are left to those who write, and to other readers.

    Of ``most`` turns at a time one caller has at most half. All of it belongs to one event loop.
    """

    def __init__(self, most: int) -> None:
        self._all = CapacityLimiter(most)
        self._share = share(most)
        self._each: WeakValueDictionary[str, CapacityLimiter] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """Wait until ``who`` may read, and have the turn for the block."""
        own = self._each.get(who)
        if own is None:
            own = self._each[who] = CapacityLimiter(self._share)
        async with own, self._all:
            yield


def share(most: int) -> int:
    """Return how many of ``most`` reads may be those of one caller."""
    return max(1, most // 2)


def begin(config: Config, check: Callable[[Call], None], call: Call) -> None:
    """Ask ``check`` about an operation, then tell the watch over the request what it does."""
    check(call)
    watch = current()
    if watch is None:
        return
    operation = call.operation
    if operation.changes:
        watch.changes = True
    elif not operation.long:  # what reads every file takes its time, and can be cancelled
        seconds = config["server.read_seconds"]
        if seconds:
            watch.allow(
                seconds,
                f"this takes more than {seconds} seconds",
                "ask for less at a time; the setting server.read_seconds sets the limit",
            )
