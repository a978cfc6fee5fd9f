"""Operations may be told to stop at any of their steps: nothing is half done."""

import pytest
from stop_at import StopAt

from debrepo.dependencies import Dependencies
from debrepo.errors import Cancelled
from debrepo.stopping import watching
from debrepo.testing.packages import build_deb


@pytest.fixture
def filled(session, tmp_path):
    """Return a root with two repositories, a snapshot of each, and packages to add."""
    for name in ("a", "b"):
        session.call("repo.create", name=name)
        paths = [build_deb(tmp_path, f"{name}{n}", "1.0", "amd64") for n in range(3)]
        list(session.call("repo.add", name=name, paths=paths))
        session.call("snapshot.create", name=name, kind="repo", source=name)
    return session


def state(session):
    """Return all that users see: lists by name, with their packages."""
    repos = {shown.repo.name for shown in session.call("repo.list")}
    snapshots = {shown.snapshot.name for shown in session.call("snapshot.list")}
    found = {f"repo {n}": session.call("repo.search", name=n) for n in repos}
    return found | {f"snapshot {n}": session.call("snapshot.search", name=n) for n in snapshots}


def add(session):
    directory = session.root.parent / "new"
    directory.mkdir(exist_ok=True)
    paths = [build_deb(directory, f"new{number}", "1.0", "amd64") for number in range(3)]
    return list(session.call("repo.add", name="a", paths=paths))


CALLS = {
    "repo.add": add,
    "repo.remove": lambda s: s.call("repo.remove", name="a", queries=["a0 | a1"]),
    "repo.copy": lambda s: s.call(
        "repo.copy", source="a", target="b", queries=["Name"], dependencies=Dependencies()
    ),
    "repo.move": lambda s: s.call("repo.move", source="a", target="b", queries=["Name"]),
    "snapshot.merge": lambda s: s.call("snapshot.merge", name="m", sources=["a", "b"]),
    "snapshot.filter": lambda s: s.call("snapshot.filter", name="f", source="a", queries=["a0"]),
}


@pytest.mark.parametrize("operation", CALLS)
def test_operation_that_is_cancelled_anywhere_has_changed_nothing(filled, operation):
    before, step = state(filled), 0
    while True:
        try:
            with watching(StopAt(step)):
                CALLS[operation](filled)
            break
        except Cancelled:
            assert state(filled) == before, step
            step += 1
    assert step
    assert state(filled) != before
    assert list(filled.call("db.check")) == []


def test_cleanup_that_is_cancelled_anywhere_deletes_nothing_that_is_needed(filled):
    add(filled)
    filled.call("repo.remove", name="a", queries=["a0"])
    filled.call("snapshot.drop", name="a")
    before, step = state(filled), 0
    while True:
        try:
            with watching(StopAt(step)):
                filled.call("db.cleanup")
            break
        except Cancelled:
            step += 1
        assert state(filled) == before
    assert step
    assert list(filled.call("db.check")) == []
