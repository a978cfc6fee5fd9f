"""The gate: counts the open transactions of this process, and waits until there are none."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Condition, get_ident
from time import monotonic
from typing import TYPE_CHECKING

from debrepo.errors import DatabaseBusy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE = 60.0  # seconds until a transaction of another thread counts as left open


class Gate:
    """Lets transactions in and out, and closes while the memory map is moved.

    LMDB's map must not move while a transaction of this process looks at it.
    """

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._condition = Condition()
        self._inside: dict[int, int] = {}  # thread to the number of its open transactions
        self._closed = False
        self._patience = patience

    def enter(self, thread: int) -> None:
        """Let a transaction of ``thread`` in, when the gate is open."""
        with self._condition:
            # A thread that is inside gets in again: the gate waits for it to finish.
            while self._closed and thread not in self._inside:
                self._condition.wait()
            self._inside[thread] = self._inside.get(thread, 0) + 1

    def enter_at_once(self, thread: int) -> bool:
        """Let a transaction of ``thread`` in, and say so, unless it would have to wait."""
        with self._condition:
            if self._closed and thread not in self._inside:
                return False
            self._inside[thread] = self._inside.get(thread, 0) + 1
            return True

    def is_inside(self, thread: int) -> bool:
        """Whether ``thread`` has a transaction open."""
        return thread in self._inside

    def leave(self, thread: int) -> None:
        """Let a transaction of ``thread`` out, whichever thread it ends in."""
        with self._condition:
            if self._inside[thread] > 1:
                self._inside[thread] -= 1
                return
            del self._inside[thread]
            self._condition.notify_all()

    @contextmanager
    def alone_at_once(self) -> Iterator[bool]:
        """Run the block, and say whether it is alone, as in `alone`; do not wait."""
        with self._condition:
            alone = not self._inside and not self._closed
            self._closed = self._closed or alone
        try:
            yield alone
        finally:
            if alone:
                with self._condition:
                    self._open()

    @contextmanager
    def alone(self, *, besides: int | None = None) -> Iterator[None]:
        """Run the block with no transaction open in this process, but those of ``besides``.

        Raise `DatabaseBusy` where this thread has one open itself, or another thread keeps
        one for a minute.
        """
        me = get_ident()
        with self._condition:
            if me in self._inside and me != besides:
                raise DatabaseBusy(
                    "the database has to grow, and this thread has a transaction open",
                    hint="try again; it grows when that transaction has ended",
                )
            deadline = monotonic() + self._patience
            self._wait_until(lambda: not self._closed, deadline)
            self._closed = True
            try:
                self._wait_until(lambda: self._inside.keys() <= {besides}, deadline)
            except DatabaseBusy:
                self._open()
                raise
        try:
            yield
        finally:
            with self._condition:
                self._open()

    def _open(self) -> None:
        self._closed = False
        self._condition.notify_all()

    def _wait_until(self, ready: Callable[[], bool], deadline: float) -> None:
        if not self._condition.wait_for(ready, max(0.0, deadline - monotonic())):
            raise DatabaseBusy(
                "the database has to grow, and another thread keeps a transaction open",
                hint="try again, or restart the server",
            )
