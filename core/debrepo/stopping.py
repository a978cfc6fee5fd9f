"""Stopping: how long work, and its child processes, are told to end.

The caller that starts work sets a `Watch` for it with `watching`; loops that may be long pass
through `each`, and steps that may be long through `checkpoint`. Without a watch both do nothing, so
that libraries and the command line are not slowed down.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, current_thread, main_thread
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakSet

from debrepo.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from subprocess import CompletedProcess, Popen

T = TypeVar("T")

_STEPS = 32  # items between two looks at the watch: an item may cost milliseconds


class Watch:
    """Whether one piece of work may go on; any thread may stop it."""

    def __init__(self) -> None:
        self._said: tuple[str, str] | None = None
        self._deadline = float("inf")
        self._too_late = ("", "")
        self._children: WeakSet[Popen[bytes]] = WeakSet()
        self._lock = Lock()
        self.changes = False  #: whether the work changes something: then it is done to its end

    @property
    def stopped(self) -> bool:
        """Whether the work has been told to end."""
        return self._said is not None

    def stop(self, said: str, hint: str = "") -> None:
        """Tell the work to end, for the reason ``said``, and kill its child processes."""
        with self._lock:
            self._said = self._said or (said, hint)
            children = list(self._children)
        for child in children:
            child.kill()

    def leave(self) -> None:
        """Tell the work that its result is not needed any more; changes go on.

        Who asked for a change and lost the connection asks again, and is told what came of it.
        """
        if not self.changes:
            self.stop("the client has disconnected")

    def allow(self, seconds: float, said: str, hint: str = "") -> None:
        """Let the work run for ``seconds`` from now, unless it has less time already."""
        deadline = time.monotonic() + seconds
        if deadline < self._deadline:
            self._deadline, self._too_late = deadline, (said, hint)

    def left(self) -> float:
        """Return the seconds that the work has left."""
        return self._deadline - time.monotonic()

    def check(self) -> None:
        """Raise `Cancelled` if the work is to end."""
        if self._said is None and time.monotonic() > self._deadline:
            self.stop(*self._too_late)
        if self._said is not None:
            said, hint = self._said
            raise Cancelled(said, hint=hint)

    def adopt(self, child: Popen[bytes]) -> None:
        """Have a child process killed when the work is told to end."""
        with self._lock:
            self._children.add(child)
            stopped = self.stopped
        if stopped:
            child.kill()


_watch: ContextVar[Watch | None] = ContextVar("debrepo.watch", default=None)


def current() -> Watch | None:
    """Return the watch over the work of this thread."""
    return _watch.get()


@contextmanager
def watching(watch: Watch | None) -> Iterator[None]:
    """Let ``watch`` decide how long the block may go on; ``None``: until it is done."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let the block be done to its end: no watch ends it, and Ctrl-C waits; a second one does not.

    Only that of a command waits, in its main thread, where Python runs what a signal is for.
    """
    from debrepo.interrupts import current

    interrupts = current() if current_thread() is main_thread() else None
    put_off = False
    with watching(None):
        if interrupts is not None:
            interrupts.hold()
        try:
            yield
        finally:
            if interrupts is not None:
                put_off = interrupts.release()
    if put_off:
        raise KeyboardInterrupt


def checkpoint() -> None:
    """Raise `Cancelled` if the work of this thread is to end."""
    watch = _watch.get()
    if watch is not None:
        watch.check()


def each(items: Iterable[T]) -> Iterable[T]:
    """Return ``items``, through which to go ends when the work of this thread is to end."""
    watch = _watch.get()
    return items if watch is None else _watched(items, watch)


def _watched(items: Iterable[T], watch: Watch) -> Iterator[T]:
    left = 1
    for item in items:
        left -= 1
        if not left:
            watch.check()
            left = _STEPS
        yield item


def run(
    command: Sequence[str],
    data: bytes = b"",
    *,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> CompletedProcess[bytes]:
    """Run a program to its end, or until the work of this thread is to end.

    It reads ``data``; what it says is returned. Raises `subprocess.TimeoutExpired`.
    """
    import subprocess

    pipe = subprocess.PIPE
    watch = _watch.get()
    if watch is None:
        return subprocess.run(
            command, input=data, capture_output=True, check=False, env=env, timeout=timeout
        )
    watch.check()
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=env) as child:
        watch.adopt(child)
        patience = min(watch.left(), float("inf") if timeout is None else timeout)
        try:
            said, complaints = child.communicate(
                data, None if patience == float("inf") else max(0.0, patience)
            )
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            watch.check()
            raise
    watch.check()
    return subprocess.CompletedProcess(command, child.returncode, said, complaints)
