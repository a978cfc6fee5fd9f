"""How a server says that it is well, whatever else goes on."""

import pytest


@pytest.fixture
def moving(session):
    """The database while its memory map is being moved, and whoever reads has to wait."""
    with session.db._store._gate.alone():
        yield


@pytest.mark.parametrize("path", ["/api/ready", "/api/healthy", "/api/version", "/api/metrics"])
def test_nothing_of_it_waits_for_a_writer(api, session, path):
    with session.db.write():
        assert [api.get(path).status_code for _ in range(2)] == [200, 200]


@pytest.mark.lmdb
def test_server_whose_database_cannot_be_read_at_once_is_alive_and_not_ready(api, moving):
    answer = api.get("/api/ready")
    assert (answer.status_code, answer.json()["hint"]) == (503, "try again in a moment")
    assert api.get("/api/healthy").status_code == 200


def test_server_is_ready_when_the_database_can_be_read(api):
    assert api.get("/api/ready").json() == {"Status": "debrepo is ready"}
