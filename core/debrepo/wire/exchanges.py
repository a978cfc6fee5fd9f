"""Requests under way side by side, of which only those are looked at that something came for."""

from __future__ import annotations

import select
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pycurl

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

_SWEEP = 0.2  # seconds after which all are looked at: only libcurl knows their timeouts
_BLIND = 0.005  # seconds to wait for those that show no descriptor, as they resolve a name


class _Exchange(Generic[T]):
    """A request under way, alone in a loop of libcurl's, which tells what it waits for."""

    __slots__ = ("begun", "curl", "fd", "item", "mask", "multi", "whole")

    def __init__(self, item: T, multi: Any, curl: Any) -> None:
        self.item = item
        self.multi = multi
        self.curl = curl
        self.begun = time.monotonic()
        self.fd = self.mask = -1
        self.whole: bool | None = None  # until it has ended


class Exchanges(Generic[T]):
    """Requests under way in one thread.

    A loop of libcurl's looks at all of its transfers whenever it is called; where a dozen wait,
    that takes longer than what came for one. So each has a loop of its own here, and all their
    descriptors are waited for. libcurl calls no Python function, in which Ctrl-C would be lost.
    """

    def __init__(self) -> None:
        self._under_way: set[_Exchange[T]] = set()
        self._shown: dict[int, _Exchange[T]] = {}  # by the descriptor that they wait for
        self._blind: set[_Exchange[T]] = set()  # those that show none
        self._ended: list[_Exchange[T]] = []
        self._poll = select.poll()
        self._swept = time.monotonic()

    def __len__(self) -> int:
        return len(self._under_way)

    def add(self, item: T, multi: Any, curl: Any) -> None:
        """Begin a request whose handle is set up; ``multi`` is for it alone."""
        exchange = _Exchange(item, multi, curl)
        self._under_way.add(exchange)
        self._blind.add(exchange)
        multi.add_handle(curl)
        self._go_on(exchange)

    def turn(self, pause: float) -> Iterator[tuple[T, float, bool]]:
        """Wait for something to come; yield what ended, how long it took, and if it is whole.

        A ``pause`` lets more come, in seconds: to look at it in one go takes less CPU.
        """
        if not self._ended:
            if pause:
                time.sleep(pause)
            self._look()
        while self._ended:
            exchange = self._ended.pop()
            self._under_way.discard(exchange)
            exchange.multi.remove_handle(exchange.curl)
            yield exchange.item, time.monotonic() - exchange.begun, bool(exchange.whole)

    def close(self) -> Iterator[T]:
        """Yield what has not ended, of which nothing more will come."""
        for exchange in self._under_way:
            with suppress(pycurl.error):  # Ctrl-C came before it was added
                exchange.multi.remove_handle(exchange.curl)
            yield exchange.item
        self._under_way.clear()

    def _look(self) -> None:
        """Wait for something to come, for a moment at most, and let libcurl take it."""
        wait = _BLIND if self._blind else _SWEEP
        for fd, _ in self._poll.poll(wait * 1000):
            self._go_on(self._shown[fd])
        now = time.monotonic()
        if self._blind or now - self._swept > _SWEEP:
            self._swept = now
            for exchange in (*self._blind, *self._shown.values()):
                self._go_on(exchange)

    def _go_on(self, exchange: _Exchange[T]) -> None:
        """Let libcurl do what it can for one, and see what it waits for now."""
        multi = exchange.multi
        multi.perform()
        _, whole, broken = multi.info_read()
        if whole or broken:
            self._wait_for(exchange, -1, 0)
            self._blind.discard(exchange)
            exchange.whole = bool(whole)
            self._ended.append(exchange)
            return
        reading, writing, _ = multi.fdset()
        mask = (select.POLLIN if reading else 0) | (select.POLLOUT if writing else 0)
        descriptors = {*reading, *writing}
        alone = len(descriptors) == 1
        self._wait_for(exchange, descriptors.pop() if alone else -1, mask)

    def _wait_for(self, exchange: _Exchange[T], fd: int, mask: int) -> None:
        """Wait for a descriptor; for none, look again and again."""
        if fd == exchange.fd and (fd < 0 or mask == exchange.mask):
            return
        if exchange.fd >= 0:
            self._poll.unregister(exchange.fd)
            del self._shown[exchange.fd]
        exchange.fd, exchange.mask = fd, mask
        if fd < 0:
            self._blind.add(exchange)
            return
        self._poll.register(fd, mask)
        self._shown[fd] = exchange
        self._blind.discard(exchange)
