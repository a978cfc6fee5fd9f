"""Together: what several threads change at the same time is committed at once, with one fsync."""

from __future__ import annotations

from collections import deque
from contextvars import copy_context
from threading import Lock
from typing import TYPE_CHECKING, Any

from debrepo.database.failures import Undone

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from debrepo.database.transaction import Transaction


_TRIES = 30  # of work that was undone for no fault of its own


class GroupedWork:
    """What one thread wants to do in a write transaction, and what came of it."""

    def __init__(self, work: Callable[[Any], tuple[Transaction, Any]]) -> None:
        self._work = work
        self._context = copy_context()  # what its thread goes by, whichever thread does it
        self.ended = False
        self.error: BaseException | None = None
        self.txn: Transaction | None = None
        self.result: Any = None

    def do(self, raw: Any) -> None:
        """Do it in a transaction of the store; that may happen more than once."""
        self.txn, self.result = self._context.run(self._work, raw)

    def fail(self, error: BaseException) -> None:
        """Note that it is not to happen."""
        self.error = error
        self.ended = True


class Together:
    """The changes that wait for the one that is being committed.

    The thread whose turn it is takes all that wait into its transaction. Each of them is
    durable, or has failed, before its own thread goes on; one that fails fails alone.
    """

    def __init__(self, attempt: Callable[[], AbstractContextManager[Any]]) -> None:
        self._attempt = attempt
        self._waiting: deque[GroupedWork] = deque()
        self._turn = Lock()

    def make(self, change: GroupedWork) -> None:
        """Return when a change has been committed; raise what it has raised."""
        self._waiting.append(change)
        with self._turn:
            if not change.ended:
                self._commit([self._waiting.popleft() for _ in range(len(self._waiting))])
        if change.error is not None:
            raise change.error

    def _commit(self, changes: list[GroupedWork]) -> None:
        alone: list[GroupedWork] = []
        tries = _TRIES
        while changes:
            guilty = None
            try:
                with self._attempt() as raw:
                    for guilty in changes:  # who raises is the last one here
                        guilty.do(raw)
                    guilty = None
            except Undone as error:
                tries -= 1
                if tries:
                    continue
                for change in changes:
                    change.fail(error)
                break
            except BaseException as error:
                if len(changes) == 1:
                    changes[0].fail(error)
                    break
                # It has seen what is not to be; and a commit may have been too large.
                alone += [guilty] if guilty else changes
                changes = [one for one in changes if guilty and one is not guilty]
                continue
            for change in changes:
                change.ended = True
            break
        for change in alone:
            self._commit([change])
