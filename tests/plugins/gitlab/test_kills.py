"""A process may be killed at any point: what was stored is published by the next server."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from databases.roots import copy_root
from plugins.gitlab.builds import build
from plugins.publish.crashing import CrashingSession, Killed

from debrepo import durable
from debrepo.errors import RemoteError
from debrepo.plugins import load_plugins
from debrepo_gitlab import publishing, uploads, waiting
from debrepo_gitlab.distributions import DISTRIBUTIONS
from debrepo_gitlab.documents import DOCUMENTS

WHERE = {"container": "acme/web", "codename": "sid"}


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")


@pytest.fixture
def opened(tmp_path):
    """Open a session on a root: ``opened(root)``; all are closed in the end."""
    sessions = []

    def open_(root):
        sessions.append(CrashingSession(root, load_plugins()))
        return sessions[-1]

    yield open_
    for session in sessions:
        session.close()


@pytest.fixture
def template(opened, tmp_path):
    """A root with a public project in a group; each has the distribution sid, published empty."""
    session = opened(tmp_path / "root")
    session.call("project.create", path="acme", kind="group", visibility="public")
    session.call("project.create", path="acme/web", visibility="public")
    for container in ("group:acme", "acme/web"):
        session.call("distribution.create", container=container, codename="sid")
    session.call("distribution.publish", **WHERE)
    session.close()
    return session.root


@pytest.fixture
def changes(tmp_path):
    """A .changes, beside the source and the binary package that it lists."""
    return build(tmp_path / "build", "1.0-1", "amd64")[-1]


def each_crash(opened, template, action):
    """Yield, for each step of ``action``, a copy of a root where it was the last, and the step."""
    step = 0
    while True:
        root = template.with_name(f"crashed-{step}")
        copy_root(template, root)
        session = opened(root)
        session.fate.strike(step)
        try:
            action(session)
        except Killed as killed:
            what = str(killed)
        else:
            return
        finally:
            session.close()
        yield opened(root), what
        shutil.rmtree(root)
        step += 1


def shown(session, tree):
    index = session.root / "public" / tree / "dists/sid/main/binary-amd64/Packages"
    lines = index.read_text().splitlines() if index.exists() else []
    return [line.partition(" ")[2] for line in lines if line.startswith("Package: ")]


def held(session):
    return [one.name for one in session.call("distribution.packages", container="acme/web")]


def upload(session, changes):
    session.call("distribution.upload", container="acme/web", paths=[changes])


def upload_and_publish(session, changes):
    upload(session, changes)
    session.call("distribution.publish", **WHERE)


def test_stored_upload_is_published_by_the_next_server(opened, template, changes):
    session = opened(template)
    upload(session, changes)
    assert shown(session, "projects/1") == []
    session.hook.debrepo_resume(session=session)
    assert shown(session, "projects/1") == shown(session, "groups/1") == ["hello"]
    with session.db.read() as txn:
        assert all(one.published == one.changed for one in txn[DISTRIBUTIONS].values())


def test_upload_killed_anywhere_is_published_whole_or_not_stored(opened, template, changes):
    seen = set()
    for session, what in each_crash(opened, template, lambda s: upload_and_publish(s, changes)):
        session.hook.debrepo_resume(session=session)
        there = held(session)
        assert shown(session, "projects/1") == shown(session, "groups/1") == there, what
        with session.db.read() as txn:
            documents = len(txn[DOCUMENTS])
        assert documents == len(there), what  # the .changes is kept with its packages
        seen.add(bool(there))
    assert seen == {True, False}


def test_removal_killed_anywhere_is_published_or_not_made(opened, template, changes):
    session = opened(template)
    upload_and_publish(session, changes)
    (package,) = session.call("distribution.packages", container="acme/web")
    session.close()

    def remove(session):
        session.call("distribution.remove", container="acme/web", package=package.id)
        session.call("distribution.publish", **WHERE)

    for session, what in each_crash(opened, template, remove):
        session.hook.debrepo_resume(session=session)
        assert shown(session, "projects/1") == shown(session, "groups/1") == held(session), what


def test_distribution_that_cannot_be_published_stops_no_server(
    opened, template, changes, monkeypatch
):
    session = opened(template)
    upload(session, changes)
    notes = []
    monkeypatch.setattr(session.progress, "note", notes.append)
    with monkeypatch.context() as broken:
        broken.setattr("debrepo_gitlab.publishing._publish", refuse)
        session.hook.debrepo_resume(session=session)
    said = "cannot publish sid of project:acme/web: the storage is away"
    assert said in notes
    session.hook.debrepo_resume(session=session)
    assert shown(session, "projects/1") == ["hello"]


def refuse(*_):
    raise RemoteError("the storage is away")


def test_distribution_that_somebody_is_publishing_is_left_alone(opened, template, changes):
    session = opened(template)
    upload(session, changes)
    with publishing.hold(session, "project:1\0sid"):
        session.hook.debrepo_resume(session=session)
    assert shown(session, "projects/1") == []
    assert shown(session, "groups/1") == ["hello"]


def test_changes_whose_server_was_killed_may_come_again_alone(opened, template, changes):
    session = opened(template)
    area = uploads.area(session) / "upload/1"
    for path in sorted(changes.parent.iterdir()):
        if path != changes:
            waiting.keep(area, path)

    def send():
        """Upload the .changes, as the route does it."""
        directory = area / "request"
        directory.mkdir()
        upload(session, Path(shutil.copy(changes, directory)))
        uploads.discard(directory)

    session.fate.strike(0)
    with pytest.raises(Killed), leave_claimed():
        send()
    session.fate.live()
    lock = durable.lock(area / "request/.lock")  # as if the server lived
    session.hook.debrepo_resume(session=session)
    assert (area / "request").exists()
    os.close(lock)
    session.hook.debrepo_resume(session=session)
    assert not (area / "request").exists()
    send()
    assert held(session) == ["hello"]
    assert [path for path in area.rglob("*") if path.is_file()] == []


@contextmanager
def leave_claimed():
    """Give nothing back: a process that is killed cannot."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting, "_move", lambda *_: None)
        yield


def test_key_that_a_killed_publish_has_made_is_used_by_the_next_one(opened, template, monkeypatch):
    monkeypatch.delenv("DEBREPO_PUBLISH_SKIP_SIGNING")
    session = opened(template)

    def killed(*_):
        raise Killed("before the key is stored")

    with monkeypatch.context() as patch:
        patch.setattr(type(session.db), "update", killed)
        with pytest.raises(Killed):
            session.call("distribution.publish", **WHERE)
    (made,) = session.call("key.list")
    session.call("project.edit", path="acme/web", new_path="acme/site")
    session.call("distribution.publish", container="acme/site", codename="sid")
    shown = session.call("distribution.show", container="acme/site", codename="sid")
    assert shown.keys == (made.fingerprint,)
    other = session.call("distribution.create", container="acme/site", codename="trixie")
    session.call("distribution.publish", container="acme/site", codename="trixie")
    keys = {one.fingerprint: one.user_ids for one in session.call("key.list")}
    (found,) = session.call("distribution.show", container="acme/site", codename="trixie").keys
    assert keys[found] == (f"acme/site trixie #{other.id}",)
    assert found != made.fingerprint
