"""The connections of a process: kept open, made again, and waited for while a server restarts."""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from debrepo_postgresql.connection import Connection, Lost, SqlRefused, Unreachable, connect
from debrepo_postgresql.failures import explain, is_final, is_passing, unreachable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from debrepo_postgresql.address import DatabaseAddress
    from debrepo_postgresql.connection import Command

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between two tries


class Connections:
    """What the threads of a process ask the server through."""

    def __init__(self, address: DatabaseAddress, *, kept: int, patience: float) -> None:
        self.address = address
        self.round_trips = 0  #: how often somebody has waited for an answer
        self._kept = kept
        self._patience = patience
        self._idle: list[Connection] = []
        self._lock = Lock()
        self._closed = False

    def begin(
        self,
        commands: Sequence[Command],
        *,
        patience: float | None = None,
        once: bool = False,
    ) -> tuple[Connection, list[Any]]:
        """Return a connection on which a transaction was begun, and the results of that.

        A server that has gone is waited for. A connection that was kept and has died since is
        replaced at once; with ``once``, it is `Lost`, as commands may have reached it. Raise
        `SqlRefused` for what a later try would not bring either.
        """
        deadline = time.monotonic() + (self._patience if patience is None else patience)
        pause = _FIRST_PAUSE
        while True:
            kept = self._take()
            try:
                connection = kept or self._connect(deadline)
                return connection, self._asked(connection, commands)
            except Unreachable as error:
                if is_final(str(error)) or time.monotonic() >= deadline:
                    raise unreachable(str(error), self.address.shown) from None
            except SqlRefused as error:
                if not is_passing(error):
                    raise
                if time.monotonic() >= deadline:
                    raise explain(error, self.address.shown) from None
            except Lost as error:
                if once:
                    raise
                if kept is None and time.monotonic() >= deadline:
                    raise unreachable(str(error), self.address.shown) from None
            if kept is None:
                time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
                pause = min(2 * pause, _LONGEST_PAUSE)

    def give_back(self, connection: Connection, commands: Sequence[Command] = ()) -> None:
        """Keep a connection for others, after the transaction on it was ended by ``commands``."""
        with suppress(Lost):
            if commands:
                connection.tell(commands)
            with self._lock:
                if not self._closed and len(self._idle) < self._kept:
                    self._idle.append(connection)
                    return
        connection.close()

    def close(self) -> None:
        """Close the connections that are not in use; the others, when they are given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _asked(self, connection: Connection, commands: Sequence[Command]) -> list[Any]:
        try:
            return connection.ask(commands)
        except BaseException:
            connection.close()
            raise

    def _connect(self, deadline: float) -> Connection:
        """Connect to the first server that takes us; raise `Unreachable` if none does."""
        said = []
        for settings in self.address.servers:
            left = max(1.0, min(self.address.timeout, deadline - time.monotonic()))
            try:
                return connect(settings, left, self._count)
            except Unreachable as error:
                if str(error) not in said:
                    said.append(str(error))
        raise Unreachable("; ".join(said))

    def _count(self) -> None:
        self.round_trips += 1
