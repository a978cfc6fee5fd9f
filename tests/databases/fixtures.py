"""The database that the tests of a run use: LMDB below each root, or a server for all roots."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from databases.postgresql import programs, server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from databases.postgresql import Server

#: ``lmdb``, ``postgresql`` for a server that ends with the run, or the URL of a database to fill.
VARIABLE = "DEBREPO_TEST_DATABASE"
SETTING = "DEBREPO_DATABASE_URL"
#: Each root has tables of its own: tests share the database, and do not meet.
SCHEMA = "debrepo_{root}"

_MARKER = "lmdb: it is about LMDB itself, or files that only LMDB has; left out on other databases"
_MADE = r"nspname LIKE 'debrepo\_%'"


class Chosen:
    """The server of a run whose database is no LMDB, in each process that runs tests."""

    def __init__(self, wanted: str) -> None:
        self._ending = ExitStack()
        self.server: Server | None = None
        if wanted == "postgresql":
            self.server = self._ending.enter_context(server())
            os.environ[SETTING] = self.server.url()
        else:
            os.environ[SETTING] = wanted
        os.environ["DEBREPO_DATABASE_SCHEMA"] = SCHEMA

    def pytest_unconfigure(self) -> None:
        self._ending.close()

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        left_out = [item for item in items if item.get_closest_marker("lmdb")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("lmdb")]

    def schemas(self) -> set[str]:
        """Return the names of what roots made so far."""
        if not self.server:
            return set()
        return set(self.server.sql(f"SELECT nspname FROM pg_namespace WHERE {_MADE}").split())

    def drop(self, schemas: set[str]) -> None:
        """Drop schemas; a session that a test left open loses its connection."""
        if self.server and schemas:
            self.server.disconnect()
            some = sorted(schemas)
            for at in range(0, len(some), 20):  # each table takes a lock, and those are limited
                self.server.sql(f"DROP SCHEMA {', '.join(some[at : at + 20])} CASCADE")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    wanted = os.environ.get(VARIABLE, "lmdb")
    if wanted == "lmdb" or _starts_workers(config):
        return
    if wanted == "postgresql" and not programs():
        raise pytest.UsageError(f"{VARIABLE}: PostgreSQL is not installed")
    config.pluginmanager.register(Chosen(wanted), "chosen-database")


@pytest.fixture(autouse=True, scope="module")
def _drop_roots(request: pytest.FixtureRequest) -> Iterator[None]:
    """Drop the tables of the roots that the tests of a module made, when it is done."""
    chosen = request.config.pluginmanager.get_plugin("chosen-database")
    if chosen is None:
        yield
        return
    before = chosen.schemas()
    yield
    chosen.drop(chosen.schemas() - before)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Return a server of PostgreSQL that tests may restart, kill and fill."""
    if not programs():
        pytest.skip("PostgreSQL is not installed")
    with server() as running:
        yield running


def _starts_workers(config: pytest.Config) -> bool:
    return bool(getattr(config.option, "numprocesses", None)) and not hasattr(config, "workerinput")
