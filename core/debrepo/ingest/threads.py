"""Threads: several large files at a time; hashing, copying and unpacking need no interpreter."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from debrepo.stopping import checkpoint, current, watching

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from debrepo.stopping import Watch

T = TypeVar("T")
R = TypeVar("R")


_WAITING = 2  # items that wait for each thread
_AHEAD = 4096  # results that may be there before the one that is to come first


class _Over(Exception):
    """Nobody waits for the result of this thread any more."""


class _Answer(NamedTuple):
    number: int
    item: Any
    result: Any
    error: BaseException | None


def in_order(
    make: Callable[[Callable[[], None]], Callable[[T], R]], items: Iterable[T], threads: int
) -> Iterator[R]:
    """Yield the result for each item, in the order of the items; a slow one delays no other."""
    early: dict[int, R] = {}
    wanted = 0
    for number, _, result in _answers(make, items, threads, lambda: len(early) < _AHEAD):
        early[number] = result
        while wanted in early:
            wanted += 1
            yield early.pop(wanted - 1)


def as_done(
    make: Callable[[Callable[[], None]], Callable[[T], R]], items: Iterable[T], threads: int
) -> Generator[tuple[T, R]]:
    """Yield each item with its result, as they come."""
    for _, item, result in _answers(make, items, threads, lambda: True):
        yield item, result


def _answers(
    make: Callable[[Callable[[], None]], Callable[[T], R]],
    items: Iterable[T],
    threads: int,
    may_send: Callable[[], bool],
) -> Iterator[tuple[int, T, R]]:
    """Yield number, item and result; raise what a thread raised.

    Items are taken while ``may_send`` says so.
    """
    requests: SimpleQueue[tuple[int, T] | None] = SimpleQueue()
    answers: SimpleQueue[_Answer] = SimpleQueue()
    over = Event()
    crew = [
        Thread(target=_serve, args=(make, requests, answers, over, current()), daemon=True)
        for _ in range(threads)
    ]
    for thread in crew:
        thread.start()
    numbered = enumerate(items)
    sent = done = 0
    more = True
    try:
        while more or done < sent:
            while more and sent - done < threads * (1 + _WAITING) and may_send():
                request = next(numbered, None)
                more = request is not None
                if request is not None:
                    requests.put(request)
                    sent += 1
            if done == sent:
                continue
            answer = answers.get()
            done += 1
            if answer.error is not None:
                raise answer.error
            yield answer.number, answer.item, answer.result
    finally:
        over.set()
        for _ in crew:
            requests.put(None)
        for thread in crew:
            thread.join()


def _serve(
    make: Callable[[Callable[[], None]], Callable[[T], R]],
    requests: SimpleQueue[tuple[int, T] | None],
    answers: SimpleQueue[_Answer],
    over: Event,
    watch: Watch | None,
) -> None:
    """Answer requests until there are no more; the main loop of a thread."""

    def step() -> None:
        if over.is_set():
            raise _Over
        checkpoint()

    with watching(watch):
        work = make(step)
        while (request := requests.get()) is not None and not over.is_set():
            number, item = request
            try:
                answers.put(_Answer(number, item, work(item), None))
            except BaseException as error:  # the thread that waits raises it
                answers.put(_Answer(number, item, None, error))
