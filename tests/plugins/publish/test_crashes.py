"""A publish may die at any of its steps: clients never notice, and the next one finishes."""

import shutil
from contextlib import suppress

import pytest
from databases.roots import copy_root
from plugins.publish.client import Client
from plugins.publish.crashing import Killed

from debrepo.errors import NotFound, RemoteError
from debrepo_publish.checking.verification import Fault
from debrepo_publish.engine import ledger
from debrepo_publish.engine.publishing import resume
from debrepo_publish.model.tables import GENERATIONS, PUBLICATIONS, RETIRED, SWITCHES

DAY = 86400
NOW = 1_800_000_000
OLD = {("hello", "1.0", "amd64"), ("tool", "1.0", "all"), ("old", "1.0", "amd64")}
NEW = {("hello", "2.0", "amd64"), ("tool", "1.0", "all"), ("extra", "1.0", "arm64")}


def publish_old(session):
    return session.call("publish.create", kind="repo", names=["tools"], distribution="stable")


def update(session):
    return session.call("publish.update", distribution="stable")


def drop(session):
    return session.call("publish.drop", distribution="stable")


@pytest.fixture
def ready(session, add):
    """Return a root with a repository that can be published."""
    for name, architecture in (("hello", "amd64"), ("tool", "all"), ("old", "amd64")):
        add(name, architecture=architecture)
    return session


@pytest.fixture
def changed(ready, add, clock):
    """Return a root where there is something new, and something old to be deleted at once."""
    publish_old(ready)
    add("hello", "2.0")
    add("extra", architecture="arm64")
    ready.call("repo.remove", name="tools", queries=["old", "hello (= 1.0)"])
    clock(NOW + 3600)
    return ready


@pytest.fixture
def each_crash(opened, tmp_path):
    """Yield, for each step of ``action``, a copy of a root where it was the last.

    ``deadly``: nothing was done after it, as after ``kill -9``; else there was an error.
    """

    def crashes(session, action, *, deadly):
        template = session.root
        session.close()
        count = steps(template, action)
        assert count > 10
        for step in range(count):
            root = tmp_path / f"crashed-{step}"
            copy_root(template, root, symlinks=True)
            copy = opened(root)
            copy.fate.strike(step, deadly=deadly)
            try:
                action(copy)
            except (Killed, RemoteError):
                pass
            else:
                assert not deadly
            what = copy.fate.seen[step]
            copy.fate.live()
            yield copy, what
            copy.close()
            shutil.rmtree(root)

    def steps(template, action):
        root = tmp_path / "counted"
        copy_root(template, root, symlinks=True)
        copy = opened(root)
        copy.fate.live()
        action(copy)
        return len(copy.fate.seen)

    return crashes


def strays(session, place="."):
    """Return what is stored without a row, and the rows of what is not there."""
    public = session.root / "public"
    there = {str(p.relative_to(public)) for p in public.rglob("*") if p.is_file()}
    with session.db.read() as txn:
        rows = {path for path, _ in ledger.files(txn, place)}
    names = {p for p in there if p.rpartition("/")[2] in ("InRelease", "Release.gpg")}
    names |= {p for p in there if p.count("/") == 2 and p.endswith("/Release")}
    return there - rows - names, rows - there


def references(session, place="."):
    with session.db.read() as txn:
        return {path: held.references for path, held in ledger.files(txn, place)}


@pytest.mark.parametrize("deadly", [True, False])
def test_first_publish_dies_anywhere(ready, each_crash, deadly):
    for session, what in each_crash(ready, publish_old, deadly=deadly):
        client = Client(session.root / "public")
        assert client.packages() in (None, OLD), what
        try:
            publish_old(session)
        except Exception:
            assert update(session), what
        assert client.packages() == OLD, what
        client.check_names()


@pytest.mark.parametrize("deadly", [True, False])
def test_update_dies_anywhere(changed, each_crash, deadly):
    before = Client(changed.root / "public").inrelease()
    for session, what in each_crash(changed, update, deadly=deadly):
        client = Client(session.root / "public")
        assert client.packages() in (OLD, NEW), what
        assert client.packages(before) == OLD, what
        update(session)
        assert client.packages() == NEW, what
        assert client.packages(before) == OLD, what
        client.check_names()


def test_names_agree_once_a_crash_between_them_has_been_looked_at(changed, each_crash):
    between = []
    for session, what in each_crash(changed, update, deadly=True):
        client = Client(session.root / "public")
        said = session.call("publish.verify", distribution="stable").problems
        with session.db.read() as txn:
            switching = bool(txn[SWITCHES])
        if switching and client.packages() == OLD:
            between.append(what)
            (kind,) = {p.kind for p in said if "names were being replaced" in p.text}
            assert kind == Fault.INTERRUPTED, what
        resume(session)
        client.check_names()
        assert client.packages() in ([NEW] if switching else [OLD, NEW]), what
        if switching:
            said = session.call("publish.verify", distribution="stable").problems
            assert not [p for p in said if p.kind == Fault.INTERRUPTED], what
        with session.db.read() as txn:
            assert not txn[SWITCHES], what
    assert len(between) > 3


def test_switch_that_died_is_not_finished_over_what_somebody_else_published(changed, each_crash):
    for session, what in each_crash(changed, update, deadly=True):
        with session.db.read() as txn:
            if not txn[SWITCHES]:
                continue
        path = session.root / "public/dists/stable/InRelease"
        path.write_bytes(b"theirs")
        resume(session)
        assert path.read_bytes() == b"theirs", what


def test_switch_that_died_whose_files_are_gone_is_left_to_the_next_publish(changed, each_crash):
    for session, what in each_crash(changed, update, deadly=True):
        with session.db.read() as txn:
            if not txn[SWITCHES]:
                continue
        client = Client(session.root / "public")
        for path in (session.root / "public").rglob("by-hash/*/*"):
            path.unlink()
        resume(session)
        session.call("publish.repair", distribution="stable")
        client.check_names()
        update(session)
        assert client.packages() == NEW, what


def test_indexes_are_counted_before_they_are_there_wherever_an_update_dies(changed, each_crash):
    steps = []
    for session, what in each_crash(changed, update, deadly=True):
        uncounted, missing = strays(session)
        assert not [path for path in uncounted if path.startswith("dists/")], what
        if "/by-hash/" in what:
            steps.append(what)
            assert missing
            session.call("publish.repair", distribution="stable")
            assert not strays(session)[1], what
    assert steps


def test_update_that_died_leaves_the_same_ledger_as_one_that_did_not(
    changed, each_crash, opened, tmp_path, clock
):
    copy_root(changed.root, tmp_path / "straight")
    for session, what in each_crash(changed, update, deadly=True):
        clock(NOW + 3600)
        update(session)
        clock(NOW + 10 * DAY)
        session.call("publish.update", distribution="stable", options={"keep_generations": 0})
        there, missing = strays(session)
        assert there == set(), what
        assert missing == set(), what
        assert set(references(session).values()) == {1}, what
        assert Client(session.root / "public").packages() == NEW
        clock(NOW + 3600)


def test_rollback_dies_anywhere(changed, each_crash):
    update(changed)

    def rollback(session):
        return session.call("publish.rollback", distribution="stable", generation=1)

    for session, what in each_crash(changed, rollback, deadly=True):
        client = Client(session.root / "public")
        assert client.packages() in (OLD, NEW), what
        rollback(session)
        assert client.packages() == OLD, what


def test_repair_dies_anywhere(changed, each_crash):
    def repair(session):
        return session.call("publish.repair", distribution="stable", reconcile=True)

    public = changed.root / "public"
    for lost in (*public.rglob("old_*"), *public.rglob("Packages.gz")):
        lost.unlink()
    for session, what in each_crash(changed, repair, deadly=True):
        repair(session)
        client = Client(session.root / "public")
        assert client.packages() == OLD, what
        client.check_names()


@pytest.mark.parametrize("deadly", [True, False])
def test_drop_dies_anywhere(changed, each_crash, deadly):
    for session, what in each_crash(changed, drop, deadly=deadly):
        client = Client(session.root / "public")
        assert client.packages() in (OLD, None), what
        with suppress(NotFound):
            drop(session)
        assert list((session.root / "public").rglob("*.*")) == [], what
        with session.db.read() as txn:
            assert not txn[PUBLICATIONS], what
            assert not txn[GENERATIONS], what
            assert not txn[RETIRED], what
            assert list(ledger.files(txn, ".")) == [], what


def test_drop_of_one_of_two_dies_anywhere(changed, each_crash):
    changed.call("publish.create", kind="repo", names=["tools"], distribution="testing")
    for session, what in each_crash(changed, drop, deadly=True):
        other = Client(session.root / "public", "testing")
        assert other.packages() == NEW, what
        with suppress(NotFound):
            drop(session)
        assert other.packages() == NEW, what
        assert strays(session) == (set(), set()), what
