"""Pytest fixtures for routes: ``pytest_plugins = ["debrepo_server.testing"]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from debrepo_server.access import Access
from debrepo_server.app import build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.session import Session


@pytest.fixture
def api(session: Session) -> Iterator[TestClient]:
    """Return a client of a server in this process, that may do everything."""
    app = build(session, Access(session, trusting=True))
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        yield client
