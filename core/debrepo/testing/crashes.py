"""Crashes and interruptions: an action is killed, or overtaken, at many points of its way."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OVERTAKING = 0.3  # seconds that an action waits for another one, which may wait for it in turn


def crashes(action: Callable[[], object], *, points: int = 25) -> Iterator[int]:
    """Run ``action`` in processes that are killed; yield after each what line it came to.

    The first process comes to the end. The others are killed at up to ``points`` lines of
    Python, which are spread over all that the first has run through.
    """
    with _Pipe() as pipe:
        _in_child(lambda: pipe.say(_counted(action)))
        lines = pipe.hear()
    yield lines
    for line in sorted({lines * point // points for point in range(points)}):
        _in_child(lambda line=line: _at(line, _die, action))  # type: ignore[misc]
        yield line


def overtaken(
    action: Callable[[], object], other: Callable[[], object], *, points: int = 25
) -> Iterator[int]:
    """Run ``action`` with ``other`` in the midst of it; yield after each turn, when both are done.

    In the first turn ``other`` comes after ``action``.
    """
    lines = _counted(action)
    other()
    yield lines
    for line in sorted({lines * point // points for point in range(points)}):
        thread = Thread(target=other)

        def overtake(thread: Thread = thread) -> None:
            thread.start()
            thread.join(_OVERTAKING)

        _at(line, overtake, action)
        if thread.ident is None:  # this time the way was shorter
            thread.start()
        thread.join()
        yield line


def _counted(action: Callable[[], object]) -> int:
    """Run ``action``, and return how many lines of Python that took."""
    lines = 0

    def count() -> None:
        nonlocal lines
        lines += 1

    with _each_line(count):
        action()
    return lines


def _at(line: int, event: Callable[[], None], action: Callable[[], object]) -> None:
    """Run ``action``, and call ``event`` before the given line of those that it runs through."""
    left = line

    def count() -> None:
        nonlocal left
        left -= 1
        if left == -1:
            event()

    with _each_line(count):
        action()


@contextmanager
def _each_line(call: Callable[[], None]) -> Iterator[None]:
    def trace(frame: Any, event: str, _: object) -> Any:
        if event == "line" and frame.f_code.co_filename != __file__:
            call()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _in_child(action: Callable[[], object]) -> None:
    """Run ``action`` in a process of its own, and wait for its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the child uses none
        child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(0)  # nothing of pytest runs twice
    os.waitpid(child, 0)


class _Pipe:
    """Carries a number from a child."""

    def __enter__(self) -> _Pipe:
        self._ends = os.pipe()
        return self

    def say(self, number: int) -> None:
        os.write(self._ends[1], b"%d" % number)

    def hear(self) -> int:
        os.set_blocking(self._ends[0], False)
        try:
            return int(os.read(self._ends[0], 32))
        except BlockingIOError:
            raise AssertionError("the action failed in a process of its own") from None

    def __exit__(self, *error: object) -> None:
        for end in self._ends:
            os.close(end)
