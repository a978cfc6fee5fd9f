"""How often a server asks the server of its database, for one request."""

from itertools import count
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from debrepo_server import beat
from debrepo_server.access import Access
from debrepo_server.app import build

NUMBERS = count()


@pytest.fixture
def api(session, postgresql, monkeypatch):
    """Return a client with a token, of a server that has told others what they have to know."""
    monkeypatch.setenv("DEBREPO_DATABASE_URL", postgresql.create(f"trips_{uuid4().hex}"))
    monkeypatch.setenv("DEBREPO_DATABASE_SCHEMA", "debrepo")
    monkeypatch.setattr(beat, "_PERIOD", 3600.0)
    secret = session.call("token.create", name="ci", scopes=["admin"])
    app = build(session, Access(session, trusting=False))
    headers = {"Authorization": f"Bearer {secret}"}
    with TestClient(app, base_url="http://localhost", headers=headers) as client:
        yield client


def create(api, **headers):
    number = next(NUMBERS)
    return api.post("/api/repos", json={"Name": f"r{number}"}, headers=headers)


def test_small_answer_takes_few_round_trips(api, session):
    def trips(ask):
        ask()
        before = session.db.round_trips
        assert ask().status_code < 300
        return session.db.round_trips - before

    assert trips(lambda: api.get("/api/version")) <= 1
    assert trips(lambda: api.get("/api/repos")) <= 2
    assert trips(lambda: api.get("/api/tasks")) <= 3
    assert trips(lambda: create(api)) <= 5
    assert trips(lambda: create(api, **{"Idempotency-Key": f"k{next(NUMBERS)}"})) <= 9


def test_server_with_nothing_to_tell_asks_once_a_second(api, session):
    sharing = api.app.state.debrepo.tasks.sharing
    sharing.hear()
    before, writes = session.db.round_trips, session.db.written[0]
    assert sharing.news() is None
    sharing.hear()
    assert session.db.round_trips - before <= 1
    assert session.db.written[0] == writes
