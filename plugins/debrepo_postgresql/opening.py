"""Beginning transactions, on tables of our version, which are made where there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.errors import DatabaseError
from debrepo_postgresql.connection import Lost, SqlRefused
from debrepo_postgresql.failures import MISSING, THERE_ALREADY, Overtaken, explain, interrupted
from debrepo_postgresql.statements import Statement, Statements, read_number
from debrepo_postgresql.tables import VERSION, making

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo_postgresql.address import DatabaseAddress
    from debrepo_postgresql.connection import Command, Connection
    from debrepo_postgresql.connections import Connections


class Begun(NamedTuple):
    """A transaction that has begun, the state that it sees, and the first answers."""

    connection: Connection
    serial: int
    token: bytes  #: of the commit that made the state
    results: list[Any]


class SchemaOpening:
    """How transactions begin on one schema of a server."""

    def __init__(
        self, connections: Connections, address: DatabaseAddress, *, timeout: int, read_only: bool
    ) -> None:
        self.connections = connections
        self.statements = Statements(address.schema)
        self.place = address.shown
        self.read_only = "it was opened for reading" if read_only else ""
        self._for_reading = read_only
        self._schema = address.schema
        self._timeout = b"%ds" % timeout  # of a writer that does nothing

    def begin(
        self,
        questions: Sequence[Command],
        *,
        write: bool,
        token: bytes | None = None,
        once: bool = False,
    ) -> Begun:
        """Begin a transaction and ask questions, in one round trip.

        A writer waits for the others. With ``token`` it is `Overtaken` if the state is not the one
        that the commit with this token has made; no question is answered then. ``once`` says that
        the questions must not be sent again, and a connection that is lost then is `Lost`.
        """
        sql = self.statements
        first: list[Command] = [(sql.read, None), (sql.state, None)]
        if write:
            first = [(sql.write, None), (sql.lock, (self._timeout,))]
        if token is not None:
            first.append((sql.unchanged, (token,)))
        while True:
            patience = 0.0 if write and self.read_only else None
            try:
                connection, results = self.connections.begin(
                    [*first, *questions], patience=patience, once=once
                )
            except SqlRefused as error:
                if error.state in MISSING:
                    self._make(0)
                    continue
                if token is not None and error.at == len(first) - 1:
                    raise Overtaken.by_others() from None
                raise explain(error, self.place) from None
            self._note(connection)
            serial, version, found = _state(results[1])
            if version == VERSION:
                return Begun(connection, serial, found, results[len(first) :])
            self.connections.give_back(connection, [(sql.rollback, None)])
            if version > VERSION or not version:
                raise self._foreign(version)
            self._make(version)

    def ask(self, sql: str, *values: str) -> list[str | None]:
        """Return the fields of the row that a query gives, or none if the server refuses it."""
        question: Command = (Statement(b"", sql.encode()), [one.encode() for one in values])
        try:
            connection, (result,) = self.connections.begin([question])
        except SqlRefused:
            return []
        self.connections.give_back(connection)
        fields = [result.get_value(0, at) for at in range(result.nfields if result.ntuples else 0)]
        return [None if one is None else one.decode() for one in fields]

    def _note(self, connection: Connection) -> None:
        """Note whether a server only reads, which it tells by itself."""
        if self._for_reading:
            return
        self.read_only = ""
        for parameter, why in (
            (b"in_hot_standby", "its server is a replica, which only reads"),
            (b"default_transaction_read_only", "its server is set to read only"),
        ):
            if connection.says(parameter) == b"on":
                self.read_only = why

    def _foreign(self, version: int) -> DatabaseError:
        if not version:
            return DatabaseError(
                f"the tables of the database in {self.place} are damaged: state has no row",
                hint="restore a backup, or choose another schema with database.schema",
            )
        return DatabaseError(
            f"the tables of the database in {self.place} have version {version}, and this debrepo"
            f" knows versions up to {VERSION}",
            hint="upgrade debrepo",
        )

    def _make(self, version: int) -> None:
        """Make the tables, or lift those of an older version; another process may be faster."""
        if self.read_only:
            what = "has to be migrated" if version else "is not there yet"
            raise DatabaseError(
                f"the database in {self.place} {what}: {self.read_only}",
                hint="run debrepo once where it may write to it",
            )
        there = Statement(b"", b"SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1")
        question: list[Command] = [(self.statements.write, None)]
        question.append((there, [self._schema.encode()]))
        if version:
            question.append((self.statements.lock, (b"0",)))
        try:
            connection, results = self.connections.begin(question)
        except SqlRefused as error:
            raise explain(error, self.place) from None
        try:
            if version and _state(results[2])[1] != version:
                return
            commands = making(self.statements.schema, version, fresh=not results[1].ntuples)
            connection.ask([(Statement(b"", one.encode()), []) for one in [*commands, "COMMIT"]])
        except SqlRefused as error:
            if error.state not in THERE_ALREADY:
                raise explain(error, self.place) from None
        except Lost as error:
            raise interrupted(error, self.place) from None
        finally:
            connection.close()


def _state(result: Any) -> tuple[int, int, bytes]:
    """Return serial, version and token of the state that a transaction sees; zeros for none."""
    if not result.ntuples:
        return 0, 0, b""
    get = result.get_value
    return read_number(get(0, 0)), read_number(get(0, 1)), get(0, 2)
