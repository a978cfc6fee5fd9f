"""The statements about leases: rows with a time, and a number that grows from holder to holder."""

from __future__ import annotations

from debrepo_postgresql.statements import Statement


class LeaseStatements:
    """The statements about leases in one schema."""

    def __init__(self, schema: str) -> None:
        self._table = table = f"{schema}.leases"
        # The fence is a time in microseconds: it grows although the rows of released leases go, and
        # a lease that was lost together with its server has another one than its successor.
        self.take = _named(
            "take",
            f"INSERT INTO {table} AS held"
            " (name, owner, host, pid, node, since, token, fence, expires) VALUES"
            " ($1::text, $2::text, $3::text, $4::int8, $5::text, $6::int8, $7::text,"
            f" (extract(epoch FROM now()) * 1000000)::int8, {_later(8)})"
            " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, host = excluded.host,"
            " pid = excluded.pid, node = excluded.node, since = excluded.since,"
            " token = excluded.token, fence = greatest(held.fence + 1, excluded.fence),"
            " expires = excluded.expires"
            " WHERE held.expires <= now() OR held.token = excluded.token"
            " OR $9::text <> '-' AND split_part(held.token, ' ', 1) = $9::text RETURNING fence",
        )
        columns = (
            "SELECT name, owner, host, node, pid, since, split_part(token, ' ', 1)"
            f" FROM {table} WHERE expires > now()"
        )
        self.holder = _named("holder", f"{columns} AND name = $1::text")
        self.held = _named("held", f"{columns} ORDER BY name")
        # What nobody renewed for a day goes as well: names such as those of servers never return.
        self.release = _named(
            "release",
            f"DELETE FROM {table} WHERE name = $1::text AND fence = $2::int8"
            " OR expires < now() - interval '1 day'",
        )

    def renew(self, count: int) -> Statement:
        """Return what gives so many leases their time again, and returns those it found."""
        return _named(
            f"renew_{count}",
            f"UPDATE {self._table} SET expires = {_later(1)} WHERE {_pairs(count, 2)}"
            " RETURNING name, fence",
        )

    def fenced(self, count: int) -> Statement:
        """Return what fails, with a division by zero, unless so many leases are still held.

        They cannot be taken over until the transaction has ended.
        """
        return _named(
            f"fenced_{count}",
            f"SELECT 1 / CASE WHEN count(*) = {count} THEN 1 ELSE 0 END FROM"
            f" (SELECT name FROM {self._table} WHERE {_pairs(count, 1)} FOR UPDATE) AS ours",
        )


def _named(name: str, sql: str) -> Statement:
    return Statement(f"debrepo_lease_{name}".encode(), sql.encode())


def _pairs(count: int, first: int) -> str:
    """Return the condition that finds so many rows, by values from number ``first`` on."""
    pairs = (f"(${at}::text, ${at + 1}::int8)" for at in range(first, first + 2 * count, 2))
    return f"(name, fence) IN ({', '.join(pairs)})"


def _later(at: int) -> str:
    """Return the time that is some milliseconds from now, which are value number ``at``."""
    return f"now() + ${at}::int8 * interval '1 millisecond'"
