"""The store in PostgreSQL keeps the contract of all stores."""

import pytest

from debrepo.testing import DatabaseContract

OPEN = """
from pathlib import Path
from debrepo_postgresql.store import PostgresqlStore
options = {{
    "schema": "debrepo", "password_file": "", "reconnect": 30, "transaction_timeout": 60,
    "connections": 8, "lease_seconds": 30,
}}
store = PostgresqlStore.open({url!r}, options, Path("unused"), read_only=read_only)
"""


class TestPostgresqlStore(DatabaseContract):
    @pytest.fixture
    def code(self, url):
        return OPEN.format(url=url)
