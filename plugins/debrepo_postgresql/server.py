"""One transaction on the server: asked, resumed, committed; and whether it was committed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from debrepo.database.far import FarReply
from debrepo.database.known import KnownState
from debrepo.errors import DatabaseError
from debrepo_postgresql.connection import Lost, SqlRefused
from debrepo_postgresql.failures import Overtaken, explain, interrupted
from debrepo_postgresql.statements import array, number, read_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from debrepo.database.asking import Range
    from debrepo_postgresql.connection import Command, Connection
    from debrepo_postgresql.opening import SchemaOpening

_NONE = b"none"  # no state has it
_KEPT = 10_000  # commits by whose tokens a writer finds out that it has committed
_PRUNE = 256  # commits between two times that older ones are deleted
_STATEMENT = 4 << 20  # bytes of values in one statement


class SeenState:
    """What is known of a state, and the token of the commit that made it.

    A serial may come again, when a server takes over that lacks the last commits; tokens do not.
    """

    def __init__(self) -> None:
        self.known = KnownState()
        self.token: bytes | None = None
        self.snapshot: Connection | None = None  #: on which a reader still sees it
        self.at = 0.0  #: when it was seen, by a clock that only goes forward

    def take(self, serial: int, token: bytes) -> None:
        """Go on with a state that a transaction sees; another one than before is unknown."""
        if token != self.token:
            self.known.reset(serial)
            self.token = token

    def clear(self) -> None:
        """Know nothing any more."""
        self.known.reset(-1)
        self.token = None


class PostgresqlServer:
    """The server's side of one transaction, which begins with the first question.

    ``fixed`` says that its state was seen before, so it is not asked for. A reader on a connection
    that is lost goes on with another one, as long as it sees the same state.
    """

    def __init__(
        self, opening: SchemaOpening, seen: SeenState, *, write: bool, fixed: bool
    ) -> None:
        self._opening = opening
        self._sql = opening.statements
        self._seen = seen
        self._write = write
        self._fixed = fixed
        self._lost: Lost | None = None
        self._spoiled = False  # whether the server answers nothing more in it
        self._connection, seen.snapshot = seen.snapshot, None
        if write and self._connection is not None:
            self.end()

    def begin(
        self, keys: Sequence[bytes], ranges: Sequence[Range], ahead: Sequence[Range], known: int
    ) -> tuple[int, FarReply]:
        """Begin; what is asked for ahead has no entries if the state is one that is known."""
        unless = self._seen.token or _NONE
        questions = [*self._questions(keys, ranges), *self._questions((), ahead, unless)]
        begun = self._opening.begin(questions, write=self._write)
        self._connection = begun.connection
        self._fixed = True
        reply = _reply(begun.results, keys, [*ranges, *ahead])
        if begun.token == self._seen.token:
            return begun.serial, reply._replace(ranges=reply.ranges[: len(ranges)])
        self._seen.clear()
        self._seen.token = begun.token
        return begun.serial, reply

    def fetch(self, keys: Sequence[bytes], ranges: Sequence[Range]) -> FarReply:
        return _reply(self._ask(self._questions(keys, ranges)), keys, ranges)

    def count(self, low: bytes, high: bytes) -> int:
        (result,) = self._ask([(self._sql.count, (low, high))])
        return read_number(result.get_value(0, 0))

    def tell(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Make changes that are too many to wait for the commit."""
        self._ask(self._made(changes))

    def commit(self, changes: Mapping[bytes, bytes | None], guards: Sequence[Command] = ()) -> int:
        """Make all changes durable, unless a guard fails; return the number of the new state.

        A connection that is lost meanwhile leaves open whether it was done: a token in the tables
        tells.
        """
        if not self._fixed:  # nothing was asked, so the number is not known
            before, _ = self.begin((), (), (), -1)
            if self._seen.known.serial != before:
                self._seen.known.reset(before)
        serial, token = self._seen.known.serial + 1, os.urandom(16)
        commands = [
            *self._made(changes),
            (self._sql.advance, (number(serial), token)),
            (self._sql.note, (number(serial), token)),
            *guards,
        ]
        if serial % _PRUNE == 0:
            commands.append((self._sql.prune, (number(serial - _KEPT),)))
        try:
            self._do([*commands, (self._sql.commit, None)], once=True)
        except Lost as error:
            if not self._has_committed(serial, token):
                raise interrupted(error, self._opening.place) from None
        connection, self._connection = self._connection, None
        if connection is not None:
            self._opening.connections.give_back(connection)
        self._seen.token = token
        return serial

    def end(self, *, keep: bool = False) -> None:
        """End the transaction, without a change unless it was committed; or keep its snapshot."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if keep and not self._spoiled:
            self._seen.snapshot = connection
        else:
            self._opening.connections.give_back(connection, [(self._sql.rollback, None)])

    def _ask(self, commands: Sequence[Command]) -> list[Any]:
        """Return the results of statements; raise what says why there are none."""
        try:
            return self._do(commands)
        except Lost as error:
            if self._write:
                raise interrupted(error, self._opening.place) from None
            self._lost = error
            return self._do(commands)

    def _do(self, commands: Sequence[Command], *, once: bool = False) -> list[Any]:
        """Return the results of statements, on a new connection if there is none; may be `Lost`."""
        connection = self._connection
        if connection is None:
            return self._taken_up(commands, once=once)
        try:
            return connection.ask(commands)
        except SqlRefused as error:
            self._spoiled = True
            raise explain(error, self._opening.place) from None
        except BaseException as error:  # Ctrl-C as well: nobody knows which answers are to come
            self._connection = None
            connection.close()
            if isinstance(error, Lost):
                self._lost = error
            raise

    def _taken_up(self, commands: Sequence[Command], *, once: bool) -> list[Any]:
        """Ask on a new connection, in a transaction that goes on with what was seen."""
        if self._write and self._lost is not None:
            raise interrupted(self._lost, self._opening.place)
        token = self._seen.token if self._write else None
        try:
            begun = self._opening.begin(commands, write=self._write, token=token, once=once)
        except Overtaken:
            self._seen.clear()
            raise
        self._connection = begun.connection
        if self._lost is not None and begun.token != self._seen.token:
            raise interrupted(self._lost, self._opening.place)
        self._seen.take(begun.serial, begun.token)
        return begun.results

    def _has_committed(self, serial: int, token: bytes) -> bool:
        """Return whether a commit was made whose answer was lost.

        The lock on the row waits for the end of that transaction.
        """
        question: list[Command] = [(self._sql.noted, (number(serial), token))]
        try:
            begun = self._opening.begin(question, write=True)
        except DatabaseError as error:
            raise DatabaseError(
                f"the connection to the database in {self._opening.place} was lost while a change"
                f" was committed, and it is not known whether it was: {error}",
                hint="look whether the change is there before you do it again",
            ) from None
        self._opening.connections.give_back(begun.connection, [(self._sql.rollback, None)])
        return bool(begun.results[0].ntuples)

    def _questions(
        self, keys: Sequence[bytes], ranges: Sequence[Range], unless: bytes | None = None
    ) -> list[Command]:
        """Return what asks for keys and ranges, the latter unless a state has a token."""
        questions: list[Command] = []
        if len(keys) == 1:
            questions.append((self._sql.get, keys))
        elif keys:
            questions.append((self._sql.get_many, (array(keys),)))
        for one in ranges:
            values = [one.low, one.high, number(one.limit)]
            if unless is not None:
                values.append(unless)
            questions.append((self._sql.of_range(one, unless=unless is not None), values))
        return questions

    def _made(self, changes: Mapping[bytes, bytes | None]) -> list[Command]:
        """Return what makes changes."""
        commands: list[Command] = []
        gone = [key for key, value in changes.items() if value is None]
        if gone:
            commands.append((self._sql.delete, (array(gone),)))
        for keys, values in _parts(changes):
            commands.append((self._sql.put, (array(keys), array(values))))
        return commands


def _reply(results: Sequence[Any], keys: Sequence[bytes], ranges: Sequence[Range]) -> FarReply:
    """Return what the results of questions say."""
    rest = iter(results)
    found: dict[bytes, bytes] = {}
    if len(keys) == 1:
        (result,) = (next(rest),)
        if result.ntuples:
            found[keys[0]] = result.get_value(0, 0)
    elif keys:
        found = dict(_rows(next(rest)))
    return FarReply(
        found,
        [
            _rows(result) if one.values else _keys(result)
            for one, result in zip(ranges, rest, strict=True)
        ],
    )


def _rows(result: Any) -> list[tuple[bytes, bytes]]:
    get = result.get_value
    return [(get(row, 0), get(row, 1)) for row in range(result.ntuples)]


def _keys(result: Any) -> list[tuple[bytes, bytes]]:
    get = result.get_value
    return [(get(row, 0), b"") for row in range(result.ntuples)]


def _parts(changes: Mapping[bytes, bytes | None]) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Yield keys and values to be stored, in order, as much as one statement should have."""
    keys: list[bytes] = []
    values: list[bytes] = []
    size = 0
    for key in sorted(changes):
        value = changes[key]
        if value is None:
            continue
        keys.append(key)
        values.append(value)
        size += len(key) + len(value)
        if size > _STATEMENT:
            yield keys, values
            keys, values, size = [], [], 0
    if keys:
        yield keys, values
