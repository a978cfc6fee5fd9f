"""A connection: statements go out together, and one wait brings all their answers.

It is libpq's pipeline mode on psycopg's wrapper of libpq: what psycopg does for values of all types
would take several times as long.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any

from debrepo.errors import PluginError

try:
    from psycopg import OperationalError, pq
except ImportError as error:  # psycopg itself says so where it does not find libpq
    raise PluginError(
        f"a database in PostgreSQL needs psycopg: {error}",
        hint="pip install 'debrepo-manager[postgresql]', or apt install python3-psycopg",
    ) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from debrepo_postgresql.statements import Statement

_BINARY = pq.Format.BINARY
_SYNC = pq.ExecStatus.PIPELINE_SYNC
_FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE)
_STATE, _TEXT = pq.DiagnosticField.SQLSTATE, pq.DiagnosticField.MESSAGE_PRIMARY
_READING, _WRITING = pq.PollingStatus.READING, pq.PollingStatus.WRITING
_GONE = "the connection was lost"

Command = tuple["Statement", "Sequence[bytes] | None"]


class Unreachable(Exception):
    """No connection could be made; the text is libpq's."""


class SqlRefused(Exception):
    """The server has refused a statement, the one ``at`` a place; ``state`` is its SQLSTATE."""

    def __init__(self, text: str, state: str, at: int) -> None:
        super().__init__(text)
        self.state = state
        self.at = at


class Lost(Exception):
    """The connection has ended; what was asked for may have been done."""

    def __init__(self, text: str, state: str = "") -> None:
        super().__init__(text)
        self.state = state  #: what the server has said last, if anything


class Connection:
    """One connection, for one thread at a time."""

    def __init__(self, raw: Any, asked: Callable[[], None]) -> None:
        self._raw = raw
        self._asked = asked
        self._prepared: set[bytes] = set()
        self._owed = 0  # answers to what nobody has waited for
        self._poll = select.poll()
        self._poll.register(raw.socket, select.POLLIN)

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Run statements, and return their results.

        Raise `SqlRefused` for the first that the server refuses, which does none after it; and
        `Lost` without a connection.
        """
        self._asked()
        try:
            expected = self._send(commands)
            results = self._receive()
        except OperationalError as error:
            raise Lost(_line(error)) from None
        at = 0
        for name, result in zip(expected, results, strict=False):
            if result.status in _FAILED:
                raise self._failure(result, at)
            if name is None:
                at += 1
            else:
                self._prepared.add(name)
        if len(results) != len(expected):  # the server has ended it, maybe after the last answer
            raise Lost(_GONE)
        return [result for name, result in zip(expected, results, strict=True) if name is None]

    def tell(self, commands: Sequence[Command]) -> None:
        """Run statements without waiting for what comes of them."""
        try:
            expected = self._send(commands)
            self._raw.flush()
        except OperationalError as error:
            raise Lost(_line(error)) from None
        self._prepared.update(name for name in expected if name is not None)
        self._owed += 1

    def says(self, parameter: bytes) -> bytes | None:
        """Return a setting that the server tells of by itself."""
        found: bytes | None = self._raw.parameter_status(parameter)
        return found

    def close(self) -> None:
        self._raw.finish()

    def _send(self, commands: Sequence[Command]) -> list[bytes | None]:
        """Send statements; return what each result is of: the name of one to prepare, or none."""
        raw, expected = self._raw, list[bytes | None]()
        for statement, values in commands:
            name = statement.name
            if not name:
                raw.send_query_params(statement.sql, values, None, None, _BINARY)
                expected.append(None)
                continue
            if name not in self._prepared and name not in expected:
                raw.send_prepare(name, statement.sql)
                expected.append(name)
            raw.send_query_prepared(name, values, [_BINARY] * len(values or ()), _BINARY)
            expected.append(None)
        raw.pipeline_sync()
        return expected

    def _receive(self) -> list[Any]:
        """Return the results of what was sent last, in their order."""
        raw = self._raw
        if raw.flush():
            self._push()
        results: list[Any] = []
        while True:
            while raw.is_busy():
                self._poll.poll()
                try:
                    raw.consume_input()
                except OperationalError:  # the server may have said why, before
                    break
            result = raw.get_result()
            if result is None:  # the end of one statement's results
                if raw.status != pq.ConnStatus.OK:
                    return results
            elif result.status != _SYNC:
                results.append(result)
            elif not self._owed:
                return results
            else:
                self._owed -= 1
                results.clear()

    def _push(self) -> None:
        """Send all that is to be sent; the server may have to be rid of answers meanwhile."""
        raw = self._raw
        self._poll.modify(raw.socket, select.POLLIN | select.POLLOUT)
        try:
            while raw.flush():
                for _, event in self._poll.poll():
                    if event & ~select.POLLOUT:
                        raw.consume_input()
        finally:
            self._poll.modify(raw.socket, select.POLLIN)

    def _failure(self, result: Any, at: int) -> SqlRefused | Lost:
        state = (result.error_field(_STATE) or b"").decode()
        text = (result.error_field(_TEXT) or b"").decode(errors="replace")
        if self._raw.status == pq.ConnStatus.OK:
            return SqlRefused(text, state, at)
        return Lost(text or _line(result.get_error_message()), state)


def parsed(url: str) -> dict[str, str]:
    """Return what libpq reads in a URL; raise `ValueError` for one that it does not know."""
    try:
        found = pq.Conninfo.parse(url.encode())
    except OperationalError:
        raise ValueError from None  # what libpq says may quote the password
    return {one.keyword.decode(): one.val.decode() for one in found if one.val is not None}


def connect(settings: bytes, patience: float, asked: Callable[[], None]) -> Connection:
    """Make a connection as libpq's ``settings`` say; raise `Unreachable` if that fails."""
    raw = pq.PGconn.connect_start(settings)
    try:
        _shake_hands(raw, time.monotonic() + patience)
    except BaseException:
        raw.finish()
        raise
    raw.nonblocking = 1
    raw.enter_pipeline_mode()
    return Connection(raw, asked)


def _shake_hands(raw: Any, deadline: float) -> None:
    if raw.status == pq.ConnStatus.BAD:
        raise Unreachable(_line(raw.get_error_message()))
    status = _WRITING
    while status in (_READING, _WRITING):
        poll = select.poll()  # of the next host, once one has not answered
        poll.register(raw.socket, select.POLLIN if status == _READING else select.POLLOUT)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(1000 * left):
            raise Unreachable("no server has answered in time")
        status = raw.connect_poll()
    if status != pq.PollingStatus.OK:
        raise Unreachable(_line(raw.get_error_message()))


def _line(said: object) -> str:
    """Return what libpq says, in one line."""
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    return "; ".join(lines)
