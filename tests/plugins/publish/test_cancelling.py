"""A publish may be told to stop at any of its steps: it has not begun, or it is whole."""

import pytest
from plugins.publish.client import Client
from plugins.publish.test_crashes import NEW, NOW, OLD, drop, publish_old, strays, update
from stop_at import StopAt

from debrepo.errors import Cancelled
from debrepo.stopping import watching


def attempts(action, session):
    """Yield after each attempt of ``action`` that was stopped, each one later than the last."""
    step = 0
    while True:
        try:
            with watching(StopAt(step)):
                action(session)
        except Cancelled:
            yield step
            step += 1 + step // 20
        else:
            return


@pytest.fixture
def ready(session, add, clock):
    """Return a root where there is something new, and something old to be deleted at once."""
    for name, architecture in (("hello", "amd64"), ("tool", "all"), ("old", "amd64")):
        add(name, architecture=architecture)
    publish_old(session)
    add("hello", "2.0")
    add("extra", architecture="arm64")
    session.call("repo.remove", name="tools", queries=["old", "hello (= 1.0)"])
    clock(NOW + 3600)
    return session


def test_update_is_cancelled_anywhere(ready):
    client = Client(ready.root / "public")
    before, stopped = client.inrelease(), []
    for step in attempts(update, ready):
        assert client.inrelease() == before, step
        assert client.packages() == OLD, step
        assert strays(ready) == (set(), set()), step
        stopped.append(step)
    assert len(stopped) > 10
    assert client.packages() == NEW
    assert strays(ready) == (set(), set())


def test_first_publish_is_cancelled_anywhere(session, add):
    for name, architecture in (("hello", "amd64"), ("tool", "all"), ("old", "amd64")):
        add(name, architecture=architecture)
    client = Client(session.root / "public")
    for step in attempts(publish_old, session):
        assert client.packages() is None, step
    assert client.packages() == OLD


def test_drop_is_cancelled_anywhere(ready):
    client = Client(ready.root / "public")
    for step in attempts(drop, ready):
        assert client.packages() == OLD, step
    assert client.packages() is None
