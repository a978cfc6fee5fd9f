"""Copies of roots, with what the database holds of them wherever that is."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from databases.fixtures import SCHEMA, SETTING

if TYPE_CHECKING:
    from pathlib import Path

    from debrepo.database.store import SharedStore

_TABLES = ("entries", "state", "commits", "leases")


def copy_root(root: Path, to: Path, **options: Any) -> None:
    """Copy a root as `shutil.copytree` does, and the tables that it has in PostgreSQL."""
    shutil.copytree(root, to, **options)
    if url := os.environ.get(SETTING):
        _copy_tables(url, root, to)


def store_of(root: Path, *, read_only: bool = False) -> SharedStore | None:
    """Open the store of a root, where the run has chosen another database than LMDB."""
    url = os.environ.get(SETTING)
    if not url:
        return None
    from debrepo.config import Config
    from debrepo_postgresql.plugin import debrepo_settings
    from debrepo_postgresql.store import PostgresqlStore

    options = Config(debrepo_settings(), environ=os.environ).section("database")
    return PostgresqlStore.open(url, options, root, read_only=read_only)


def _copy_tables(url: str, root: Path, to: Path) -> None:
    import psycopg

    source, target = _schema(url, root), _schema(url, to)
    statements = [f"DROP SCHEMA IF EXISTS {target} CASCADE", f"CREATE SCHEMA {target}"]
    for name in _TABLES:
        statements += (
            f"CREATE TABLE {target}.{name} (LIKE {source}.{name} INCLUDING ALL)",
            f"INSERT INTO {target}.{name} SELECT * FROM {source}.{name}",
        )
    with psycopg.connect(url) as connection:
        connection.execute("; ".join(statements))


def _schema(url: str, root: Path) -> str:
    from debrepo_postgresql.address import parse

    return parse(url, {"schema": SCHEMA, "password_file": ""}, root).schema
