"""Lists of groups: they show what the database has, to those who may see it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from debrepo.errors import DatabaseFull, InvalidInput
from debrepo.permissions import Caller
from debrepo.testing.packages import build_deb
from debrepo_gitlab import containers
from debrepo_gitlab.readership import Readership

URL = "/api/v4/groups/acme/packages"


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")


@pytest.fixture
def upload(session, tmp_path):
    """Add a package to the distribution sid of a project."""

    def add(project, name, version="1.0"):
        path = build_deb(tmp_path, name, version)
        where = {"container": project, "distribution": "sid", "component": "main"}
        session.call("distribution.upload", paths=[path], **where)

    return add


@pytest.fixture
def stocked(client, session, upload):
    """The group acme, with three projects that have a package each; web has a maintainer."""
    session.call("distribution.create", container="acme/web", codename="sid")
    for name in ("app", "lib"):
        session.call("project.create", path=f"acme/{name}")
        session.call("distribution.create", container=f"acme/{name}", codename="sid")
        upload(f"acme/{name}", f"of-{name}")
    upload("acme/web", "of-web")
    return client


@pytest.fixture
def ann(session, stocked):
    """What ann sends, who is a reporter of the group."""
    session.call("project.member", path="acme", kind="group", user="ann", role="reporter")
    return {"PRIVATE-TOKEN": session.call("project.token.create", name="of ann", owner="ann")}


def names(client, url=URL, **how):
    answer = client.get(f"{url}?order_by=name&per_page=100", **how)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-total"] == str(len(answer.json()))
    return [one["name"] for one in answer.json()]


def delete(session, project):
    with session.db.read() as txn:
        found = containers.get(txn, project)
    (row,) = session.call("distribution.packages", container=project)
    session.call("distribution.remove", container=found.name, package=row.id)


def edit(path, **changes):
    return lambda session: session.call("project.edit", path=path, **changes)


TRANSITIONS = {
    "moved out": (edit("acme/lib", new_path="lib"), ["of-app", "of-web"]),
    "moved below": (edit("acme/lib", new_path="acme/sub/lib"), ["of-app", "of-lib", "of-web"]),
    "dropped": (
        lambda session: session.call("project.drop", path="acme/lib", force=True),
        ["of-app", "of-web"],
    ),
    "distribution": (
        lambda session: session.call("distribution.drop", container="acme/lib", codename="sid"),
        ["of-app", "of-web"],
    ),
    "deleted": (lambda session: delete(session, "acme/lib"), ["of-app", "of-web"]),
    "created": (
        lambda session: session.call("project.create", path="acme/new"),
        ["of-app", "of-lib", "of-web"],
    ),
    "group moved": (
        lambda session: session.call("project.edit", path="acme/sub", kind="group", new_path="sub"),
        ["of-app", "of-lib", "of-web"],
    ),
}


@pytest.mark.parametrize("transition", TRANSITIONS)
def test_list_of_a_group_follows_its_projects(stocked, session, ann, transition):
    session.call("project.create", path="acme/sub", kind="group")
    every = ["of-app", "of-lib", "of-web"]
    assert [names(stocked, headers=ann) for _ in range(2)] == [every] * 2
    change, expected = TRANSITIONS[transition]
    change(session)
    assert [names(stocked, headers=ann) for _ in range(2)] == [expected] * 2


@pytest.mark.parametrize("order", ["name", "project_path"])
def test_project_that_left_is_hidden_though_no_list_can_be_written(
    stocked, session, ann, monkeypatch, order
):
    assert len(names(stocked, headers=ann)) == 3

    def full(*_, **__):
        raise DatabaseFull("the disk is full")

    monkeypatch.setattr("debrepo_gitlab.listings._apply", full)
    session.call("project.edit", path="acme/lib", new_path="lib")
    answer = stocked.get(f"{URL}?order_by={order}", headers=ann)
    assert sorted(one["name"] for one in answer.json()) == ["of-app", "of-web"]
    assert answer.headers["x-total"] == "2"


def test_each_caller_sees_projects_of_their_own(stocked, session, ann):
    session.call("project.edit", path="acme", kind="group", visibility="public")
    anonymous = {"PRIVATE-TOKEN": ""}
    for _ in range(2):
        assert names(stocked, headers=ann) == ["of-app", "of-lib", "of-web"]
        assert names(stocked) == ["of-web"]
        assert names(stocked, headers=anonymous) == []
    session.call("project.edit", path="acme/app", visibility="public")
    session.call("project.edit", path="acme/lib", visibility="internal")
    assert names(stocked, headers=anonymous) == ["of-app"]
    assert names(stocked) == ["of-app", "of-lib", "of-web"]
    session.call("project.edit", path="acme/app", visibility="private")
    session.call("project.member", path="acme/web", user="maintainer", role="")
    assert names(stocked, headers=anonymous) == []
    assert names(stocked) == ["of-lib"]
    session.call("project.member", path="acme", kind="group", user="ann", role="guest")
    assert names(stocked, headers=ann) == ["of-lib"]


def test_project_follows_its_changes(stocked, session, upload):
    url = "/api/v4/projects/1/packages"
    for name in ("b", "a"):
        upload("acme/web", name)
        assert names(stocked, url) == names(stocked, url)
    assert names(stocked, url) == ["a", "b", "of-web"]
    session.call("repo.remove", name="acme.web-sid-main", queries=["b"])
    assert names(stocked, url) == ["a", "of-web"]


def test_readers_all_through_uploads_see_each_state_whole(stocked, session, upload, ann):
    def read(_):
        return names(stocked, headers=ann)

    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(read, range(24))
        for number in range(6):
            upload("acme/app", f"p{number}")
        seen = list(answers)
    there = [f"p{number}" for number in range(6)]
    states = [["of-app", "of-lib", "of-web", *there[:count]] for count in range(7)]
    assert all(one in states for one in seen)
    assert names(stocked, headers=ann) == states[-1]


def test_callers_are_told_apart(stocked, session):
    readers = Readership()
    with session.db.read() as txn:
        group = containers.get(txn, "group:acme")
        for scopes, expected in {
            ("admin",): {1, 2, 3},
            ("gitlab:project:acme/*:*",): {1, 2, 3},
            ("gitlab:project:acme/app:read",): {2},
            ("gitlab:project:acme/ap?:read", "gitlab:project:acme/lib:write"): {2},
            ("gitlab:group:acme:read",): set(),
            ("gitlab:*:see", "gitlab:*:delete"): set(),
        }.items():
            found, every = readers.readable(txn, group, Caller("x", scopes))
            assert (found.keys(), every) == (expected, len(expected) == 3), scopes


def test_readers_are_remembered_within_a_limit(stocked, session, monkeypatch):
    asked = []
    reach = containers.reach

    def counted(caller, action, kind):
        asked.append(caller.scopes[0])
        return reach(caller, action, kind)

    monkeypatch.setattr(containers, "reach", counted)
    readers = Readership(most=8)  # two scopes and two projects cost four
    callers = [
        Caller("x", ("gitlab:project:acme/app:read", f"gitlab:project:acme/{name}:read"))
        for name in ("lib", "web")
    ]
    everything = Caller("x", ("admin",))

    def read(*wanted):
        asked.clear()
        with session.db.read() as txn:
            group = containers.get(txn, "group:acme")
            for caller in wanted:
                found, every = readers.readable(txn, group, caller)
                assert (len(found), every) == ((3, True) if caller is everything else (2, False))
        return len(asked)

    assert read(*callers, *callers) == 2
    assert read(everything, callers[1]) == 1
    assert read(callers[0]) == 1
    session.call("project.create", path="other")
    assert read(callers[0], callers[0], callers[1]) == 2


def paths(session):
    with session.db.read() as txn:
        return [one.path for one in containers.list_(txn)]


def test_path_begins_as_its_group_is_spelled(guarded, session, project):
    session.call("project.create", path="ACME/api", visibility="public")
    session.call("project.create", path="other", visibility="public")
    session.call("project.edit", path="other", new_path="Acme/other")
    session.call("project.edit", path="acme", kind="group", visibility="public")
    assert paths(session) == ["acme", "acme/web", "acme/api", "acme/other"]
    listed = guarded.get("/api/v4/groups/acme/projects?sort=asc").json()
    assert [one["path"] for one in listed] == ["api", "other"]
    session.call("project.edit", path="acme", kind="group", new_path="ACME")
    assert paths(session) == ["ACME", "ACME/web", "ACME/api", "ACME/other"]


@pytest.mark.parametrize("path", ["acme/sub/acme", "acme/sub", "ACME/tools"])
def test_group_does_not_move_into_itself(session, project, path):
    session.call("project.create", path="acme/sub", kind="group")
    with pytest.raises(InvalidInput, match="cannot move into itself"):
        session.call("project.edit", path="acme", kind="group", new_path=path)
    assert paths(session) == ["acme", "acme/sub", "acme/web"]
