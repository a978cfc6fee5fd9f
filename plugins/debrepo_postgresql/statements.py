"""The statements: all SQL that work is done with, as any server of the protocol knows it."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from debrepo.database.asking import Range


class Statement(NamedTuple):
    """SQL that is prepared once in each connection, under its name; values go as binary data."""

    name: bytes  #: empty: it is not prepared
    sql: bytes


class Statements:
    """The statements about the tables in one schema."""

    def __init__(self, schema: str) -> None:
        self.schema = f'"{schema.replace(chr(34), chr(34) * 2)}"'
        entries, state = f"{self.schema}.entries", f"{self.schema}.state"
        commits = f"{self.schema}.commits"

        #: A snapshot; the first statement after it decides of which moment.
        self.read = _named("read", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        #: Each statement sees what was committed before it; nobody else writes behind `lock`.
        #: It is not said to write: a server that is set to read only has the last word.
        self.write = _named("write", "BEGIN ISOLATION LEVEL READ COMMITTED")
        self.state = _named("state", f"SELECT serial, version, token FROM {state} WHERE id = 1")
        self.lock = _named(
            "lock",
            "SELECT serial, version, token,"
            " set_config('idle_in_transaction_session_timeout', $1, true)"
            f" FROM {state} WHERE id = 1 FOR UPDATE",
        )
        #: It fails unless the state is the one that a commit has made.
        self.unchanged = _named(
            "unchanged", f"SELECT 1 / count(*) FROM {state} WHERE id = 1 AND token = $1::bytea"
        )
        self.commit = _named("commit", "COMMIT")
        self.rollback = _named("rollback", "ROLLBACK")

        self.get = _named("get", f"SELECT value FROM {entries} WHERE key = $1::bytea")
        self.get_many = _named(
            "get_many", f"SELECT key, value FROM {entries} WHERE key = ANY($1::bytea[])"
        )
        self._ranges = {
            (reverse, values, unless): _named(
                f"range_{reverse:d}{values:d}{unless:d}",
                f"SELECT {'key, value' if values else 'key'} FROM {entries}"
                " WHERE key >= $1::bytea AND key < $2::bytea"
                + (f" AND (SELECT token FROM {state} WHERE id = 1) <> $4::bytea" if unless else "")
                + f" ORDER BY key {'DESC' if reverse else 'ASC'} LIMIT $3::int8",
            )
            for reverse in (False, True)
            for values in (False, True)
            for unless in (False, True)
        }
        self.count = _named(
            "count",
            f"SELECT count(*) FROM {entries} WHERE key >= $1::bytea AND key < $2::bytea",
        )

        self.put = _named(
            "put",
            f"INSERT INTO {entries} (key, value)"
            " SELECT * FROM unnest($1::bytea[], $2::bytea[])"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
        self.delete = _named("delete", f"DELETE FROM {entries} WHERE key = ANY($1::bytea[])")
        self.advance = _named(
            "advance", f"UPDATE {state} SET serial = $1::int8, token = $2::bytea WHERE id = 1"
        )
        self.note = _named(
            "note", f"INSERT INTO {commits} (serial, token) VALUES ($1::int8, $2::bytea)"
        )
        self.noted = _named(
            "noted",
            f"SELECT 1 FROM {commits} WHERE serial = $1::int8 AND token = $2::bytea",
        )
        self.prune = _named("prune", f"DELETE FROM {commits} WHERE serial < $1::int8")

    def of_range(self, wanted: Range, *, unless: bool) -> Statement:
        """Return what reads a range, ``unless`` the state has a token."""
        return self._ranges[wanted.reverse, wanted.values, unless]


def _named(name: str, sql: str) -> Statement:
    return Statement(f"debrepo_{name}".encode(), sql.encode())


_ARRAY = Struct("!iiIii")  # dimensions, whether one is NULL, type of the elements, count, first
_LENGTH = Struct("!i")
_NUMBER = Struct("!q")
_BYTEA = 17


def number(value: int) -> bytes:
    """Return a number as the protocol has an ``int8``."""
    return _NUMBER.pack(value)


def read_number(data: bytes | None) -> int:
    """Return the number of an ``int8``, or of a shorter one."""
    return int.from_bytes(data or b"", "big", signed=True)


def array(values: Collection[bytes]) -> bytes:
    """Return values as the protocol has a ``bytea[]``."""
    return b"".join(_parts(values))


def _parts(values: Collection[bytes]) -> Iterable[bytes]:
    if not values:
        yield _ARRAY.pack(0, 0, _BYTEA, 0, 0)[:12]
        return
    yield _ARRAY.pack(1, 0, _BYTEA, len(values), 1)
    pack = _LENGTH.pack
    for value in values:
        yield pack(len(value))
        yield value
