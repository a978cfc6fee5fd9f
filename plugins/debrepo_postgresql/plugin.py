"""The plugin: the ``postgresql`` database, for nodes that share one archive."""

from __future__ import annotations

from debrepo import Ref, Setting, hookimpl


@hookimpl
def debrepo_databases() -> dict[str, Ref]:
    opener = Ref("debrepo_postgresql.store:PostgresqlStore", "Keep the database in PostgreSQL.")
    return {"postgresql": opener, "postgres": opener}


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting(f"database.{name}", default, text)
        for name, default, text in (
            (
                "schema",
                "debrepo",
                "Schema in PostgreSQL that holds the tables; {root} in it stands for a name made of"
                " the root's path",
            ),
            (
                "password_file",
                "",
                "File with the password for PostgreSQL; empty: as psql finds it (PGPASSFILE)",
            ),
            ("reconnect", 30, "Seconds to wait for a PostgreSQL server that is restarted"),
            (
                "transaction_timeout",
                60,
                "Seconds after which PostgreSQL ends a writer that does nothing; 0: never",
            ),
            (
                "lease_seconds",
                30,
                "Seconds after which a node that hangs loses what it works on to another node",
            ),
            ("connections", 8, "Connections to PostgreSQL that are kept open by a process"),
        )
    ]
