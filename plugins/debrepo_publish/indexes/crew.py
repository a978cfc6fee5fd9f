"""A crew: threads that compress; `concurrent.futures` takes longer to import than they work."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Promise(Generic[T]):
    """What a thread of a crew will return, or raise."""

    __slots__ = ("_error", "_pending", "_results", "_work")

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._pending = Lock()
        self._pending.acquire()

    def keep(self) -> None:
        """Do the work, in a thread of the crew."""
        try:
            self._results.append(self._work())
        except BaseException as error:  # the thread that waits raises it
            self._error = error
        self._pending.release()

    def result(self) -> T:
        """Wait for the result, and return it; raise what the work has raised."""
        with self._pending:
            if self._error is not None:
                raise self._error
            return self._results[0]


class Crew:
    """A few threads, each of which is started when there is work for it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads: list[Thread] = []
        self._promises: SimpleQueue[Promise[object] | None] = SimpleQueue()
        self._over = False

    def promise(self, work: Callable[[], T]) -> Promise[T]:
        """Have something done by the next thread that is free."""
        promise = Promise(work)
        self._promises.put(promise)  # type: ignore[arg-type]  # nobody puts another result in
        if len(self._threads) < self._most:
            thread = Thread(target=self._serve, daemon=True)
            thread.start()
            self._threads.append(thread)
        return promise

    def close(self) -> None:
        """End the threads, when what they do is done; what nobody has begun is dropped."""
        self._over = True
        for _ in self._threads:
            self._promises.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while (promise := self._promises.get()) is not None and not self._over:
            promise.keep()
