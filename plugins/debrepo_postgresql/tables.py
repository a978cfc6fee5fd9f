"""The tables in PostgreSQL, and the versions that they have had.

This is about the few tables of SQL; what the records in them are is the business of the schema of
the database, as in LMDB.
"""

from __future__ import annotations

#: What makes version 1 of nothing, version 2 of 1, and so on. Each list is run in a transaction.
VERSIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE {schema}.entries (key bytea PRIMARY KEY, value bytea NOT NULL)",
        "CREATE TABLE {schema}.state"
        " (id int PRIMARY KEY, serial bigint NOT NULL, version int NOT NULL,"
        " token bytea NOT NULL)",
        "CREATE TABLE {schema}.commits (serial bigint PRIMARY KEY, token bytea NOT NULL)",
        "CREATE TABLE {schema}.leases (name text PRIMARY KEY, owner text NOT NULL,"
        " host text NOT NULL, pid bigint NOT NULL, node text NOT NULL, since bigint NOT NULL,"
        " token text NOT NULL, fence bigint NOT NULL, expires timestamptz NOT NULL)",
        "INSERT INTO {schema}.state (id, serial, version, token) VALUES (1, 0, 1, '')",
    ),
)
VERSION = len(VERSIONS)


def making(schema: str, version: int, *, fresh: bool) -> list[str]:
    """Return the statements that lift tables of a version, 0 for none, to ours.

    ``fresh`` says that the schema is to be made as well, which takes a right of its own.
    """
    statements = ["CREATE SCHEMA {schema}"] if fresh else []
    statements += (one for later in VERSIONS[version:] for one in later)
    if version:
        statements.append(f"UPDATE {{schema}}.state SET version = {VERSION} WHERE id = 1")
    return [one.replace("{schema}", schema) for one in statements]
