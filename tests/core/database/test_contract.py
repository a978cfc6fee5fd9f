"""LMDB keeps the contract of all stores."""

import pytest

from debrepo.testing import DatabaseContract

OPEN = """
from pathlib import Path
from debrepo.database.environment import Environment
store = Environment(Path({path!r}), 1 << 30, read_only=read_only)
"""


@pytest.mark.lmdb
class TestEnvironment(DatabaseContract):
    @pytest.fixture
    def code(self, tmp_path):
        return OPEN.format(path=str(tmp_path / "db"))
