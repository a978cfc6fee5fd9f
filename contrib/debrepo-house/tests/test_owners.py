"""Owners: commands, the acceptance rule, routes, and what becomes of rows."""

import json

import pytest
from debrepo_house import repositories
from debrepo_house.tables import HouseRepository

from debrepo.testing.packages import build_deb

# Other plugins that are installed do not decide how these tests end.
pytestmark = pytest.mark.debrepo_plugins(only=["house", "local", "publish", "publish-fs", "server"])


@pytest.fixture
def tools(debrepo):
    """Create a repository called tools."""
    debrepo("repo", "create", "tools", "--distribution", "stable")


@pytest.fixture
def required(debrepo_root):
    """Set ``house.required``."""
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text("[house]\nrequired = true\n")


def test_owner_is_listed(debrepo, tools):
    assert debrepo("house", "own", "tools", "backend").output == "backend owns tools.\n"
    assert debrepo("house", "list").output == (
        "Repository  Owner    Roll-outs\ntools       backend  -\n"
    )


def test_list_is_json_for_programs(debrepo, tools):
    debrepo("house", "own", "tools", "backend")
    debrepo("house", "phase", "tools", "hello", "20")
    assert json.loads(debrepo("house", "list", "--json").output) == [
        {"name": "tools", "team": "backend", "phases": {"hello": 20}}
    ]


def test_owner_of_a_repository_that_is_not_there_is_an_error(debrepo):
    result = debrepo("house", "own", "tools", "backend", exit_code=3)
    assert "no repository called tools" in result.output


def test_name_of_a_team_is_checked(debrepo, tools):
    result = debrepo("house", "own", "tools", "a b", exit_code=2)
    assert result.output == ("Error: not the name of a team: 'a b'\nHint: use letters and digits\n")


def test_packages_join_only_repositories_with_an_owner(required, tools, debrepo, tmp_path):
    deb = build_deb(tmp_path, "hello")
    result = debrepo("repo", "add", "tools", deb, exit_code=1)
    assert "hello_1.0_amd64 cannot join tools: no team owns the repository" in result.output
    debrepo("house", "own", "tools", "backend")
    debrepo("repo", "add", "tools", deb)
    assert "hello_1.0_amd64" in debrepo("repo", "show", "--with-packages", "tools").output


def test_without_the_setting_no_package_is_looked_at(debrepo, tools, tmp_path):
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello"))


def test_new_repositories_have_the_default_owner(debrepo, debrepo_root, session):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text('[house]\ndefault_owner = "ops"\n')
    debrepo("repo", "create", "tools")
    with session.db.read() as txn:
        assert repositories.get(txn, "tools") == HouseRepository("tools", "ops")


def test_owner_follows_a_repository_and_goes_with_it(debrepo, tools):
    debrepo("house", "own", "tools", "backend")
    debrepo("repo", "rename", "tools", "utils")
    assert [one["name"] for one in json.loads(debrepo("house", "list", "--json").output)] == [
        "utils"
    ]
    debrepo("repo", "drop", "utils")
    debrepo("repo", "create", "utils")
    assert json.loads(debrepo("house", "list", "--json").output) == []


def test_routes_do_what_commands_do(debrepo, tools, api):
    answer = api.put("/api/house/repositories/tools/owner", json={"team": "backend"})
    assert (answer.status_code, answer.json()["team"]) == (200, "backend")
    assert api.get("/api/house/repositories").json() == [
        {"name": "tools", "team": "backend", "phases": {}}
    ]
    answer = api.put("/api/house/repositories/nowhere/owner", json={"team": "backend"})
    assert answer.status_code == 404


def test_commands_work_through_a_server(debrepo, tools, serving):
    server = serving().url
    debrepo("--server", server, "house", "own", "tools", "backend")
    debrepo("--server", server, "house", "phase", "tools", "hello", "5")
    assert debrepo("--server", server, "house", "list").output == (
        "Repository  Owner    Roll-outs\ntools       backend  hello 5 %\n"
    )


def test_scope_is_needed_for_each_repository(debrepo, tools, serving, monkeypatch):
    created = debrepo("token", "create", "ci", "--scope", "read", "--scope", "repo:web:own")
    monkeypatch.setenv("DEBREPO_TOKEN", created.output.split()[-1])
    server = serving("--require-token").url
    result = debrepo("--server", server, "house", "own", "tools", "backend", exit_code=12)
    assert "token:ci lacks the scope repo:tools:own" in result.output
