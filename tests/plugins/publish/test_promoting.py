"""Promotions, and publications that nothing else replaces."""

import json

import pytest

from debrepo.errors import SigningFailed
from debrepo.testing.packages import build_deb


@pytest.fixture
def published(debrepo, debrepo_root, tmp_path, monkeypatch):
    """Publish a repository as testing, which is ahead of the snapshot that is stable."""
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")
    monkeypatch.setattr("debrepo_publish.promoting_operations._today", lambda: "20300102")
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello"))
    debrepo("publish", "repo", "tools", "--distribution", "testing")
    debrepo("snapshot", "create", "first", "from", "repo", "tools")
    debrepo("publish", "snapshot", "first", "--distribution", "stable")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "other"))
    debrepo("publish", "update", "testing")
    return debrepo_root / "public/dists/stable/main/binary-amd64/Packages.gz"


def source_of(debrepo, *words):
    return json.loads(debrepo("publish", "show", *words, "--json").stdout)["sources"]


def test_what_is_served_elsewhere_becomes_a_dated_snapshot(debrepo, published, tmp_path):
    debrepo("repo", "add", "tools", build_deb(tmp_path, "untested"))  # not published yet
    result = debrepo("promote", "./testing", "stable")
    assert "added      main amd64 other 1.0" in result.stdout
    assert "untested" not in result.output
    assert "Published testing-20300102 as ./stable, generation 2." in result.stdout
    assert source_of(debrepo, "stable") == {"main": "snapshot:testing-20300102"}
    assert "other" in debrepo("snapshot", "search", "testing-20300102").stdout
    assert "publication ./testing" in debrepo("graph").stdout
    assert "dropped" not in debrepo("graph").stdout


def test_repository_is_promoted_as_it_is_and_a_second_one_a_day_gets_a_number(
    debrepo, published, tmp_path
):
    debrepo("promote", "tools", "stable")
    assert "nothing was written" in debrepo("promote", "tools", "stable").stdout
    debrepo("repo", "add", "tools", build_deb(tmp_path, "third"))
    debrepo("promote", "repo:tools", "stable", "--yes")
    assert source_of(debrepo, "stable") == {"main": "snapshot:tools-20300102-2"}
    debrepo("repo", "remove", "tools", "third")
    debrepo("promote", "tools", "stable", "--name", "release-7")
    assert source_of(debrepo, "stable") == {"main": "snapshot:release-7"}


def test_difference_is_shown_and_nothing_written_where_that_is_asked_for(debrepo, published):
    before = published.read_bytes()
    result = debrepo("promote", "./testing", "stable", "--dry-run")
    assert "added      main amd64 other 1.0" in result.stdout
    assert published.read_bytes() == before
    assert debrepo("snapshot", "list", "--raw").stdout.split() == ["first"]
    rows = json.loads(debrepo("promote", "./testing", "stable", "--dry-run", "--json").stdout)
    assert [row["name"] for row in rows["packages"]] == ["other"]
    done = json.loads(debrepo("promote", "./testing", "stable", "--json").stdout)
    assert (done["snapshots"], done["generation"]) == (["testing-20300102"], 2)


def test_components_of_one_name_are_promoted_together(debrepo, published):
    debrepo("repo", "create", "extra")
    debrepo("publish", "repo", "tools", "extra", "t", "--component", "main,extra",
            "--distribution", "testing")  # fmt: skip
    debrepo("snapshot", "create", "none", "empty")
    debrepo("publish", "snapshot", "first", "none", "p", "--component", "main,extra",
            "--distribution", "stable")  # fmt: skip
    result = debrepo("promote", "tools", "stable", "p", exit_code=2)
    assert "p/stable has 2 components, and tools is one list" in result.stderr
    debrepo("promote", "t/testing", "stable", "p")
    assert source_of(debrepo, "stable", "p")["main"] == "snapshot:testing-main-20300102"
    debrepo("promote", "first", "stable", "p", "--component", "main", exit_code=3)
    debrepo("promote", "snapshot:first", "stable", "p", "--component", "main")
    result = debrepo("promote", "./testing", "stable", "p", exit_code=2)
    assert "./testing has no component extra, which p/stable has" in result.stderr
    result = debrepo("promote", "tools", "stable", "p", "--component", "x", exit_code=2)
    assert "p/stable has no component x" in result.stderr


def test_promotion_that_fails_leaves_no_snapshot(debrepo, published, session, monkeypatch):
    def fail(*_, **__):
        raise SigningFailed("no key")

    monkeypatch.setattr("debrepo_publish.promoting_operations.operations.switch", fail)
    with pytest.raises(SigningFailed):
        session.call("publish.promote", source="tools", distribution="stable")
    assert [shown.snapshot.name for shown in session.call("snapshot.list")] == ["first"]


def test_what_a_repository_serves_is_not_replaced_by_a_snapshot(debrepo, published):
    result = debrepo("promote", "snapshot:first", "testing", exit_code=2)
    assert "is of the repository tools, and would be of a snapshot" in result.stderr
    assert 'run "debrepo snapshot create NAME from snapshot first", then "debrepo' in result.stderr
    assert debrepo("snapshot", "list", "--raw").stdout.split() == ["first"]


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (["nothing", "stable"], 3, "no repository called nothing"),
        (["./nothing", "stable"], 3, "nothing is published as nothing in ."),
        (["tools", "nothing"], 3, "nothing is published as nothing in ."),
        (["tools", "stable", "--name", "a/b"], 2, "cannot be a name"),
        (["tools", "stable", "--name", "first"], 4, "snapshot first exists already"),
        (["zoo:tools", "stable"], 3, "zoo"),
    ],
)
def test_promotion_of_what_is_not_there_changes_nothing(debrepo, published, words, exit_code, said):
    before = published.read_bytes()
    assert said in debrepo("promote", *words, exit_code=exit_code).stderr
    assert published.read_bytes() == before


def test_protected_publication_is_replaced_by_promote_alone(debrepo, published):
    assert "./stable is protected." in debrepo("publish", "edit", "stable", "--protected").stdout
    assert "Protected: yes" in debrepo("publish", "show", "stable").stdout
    debrepo("snapshot", "create", "second", "from", "repo", "tools")
    result = debrepo("publish", "switch", "stable", "second", exit_code=5)
    assert "./stable is protected, and cannot be replaced just so" in result.stderr
    assert 'run "debrepo promote FROM stable", or insist with --yes-really' in result.stderr
    debrepo("publish", "drop", "stable", exit_code=5)
    debrepo("publish", "source", "update", "stable", "second", "--component", "main")
    debrepo("publish", "update", "stable", exit_code=5)
    debrepo("publish", "source", "drop", "stable")
    debrepo("publish", "update", "stable", "--force")  # the same snapshot is no switch
    debrepo("promote", "tools", "stable")
    debrepo("publish", "switch", "stable", "first", "--yes-really")
    debrepo("publish", "edit", "stable", "--no-protected")
    debrepo("publish", "switch", "stable", "second")
    debrepo("publish", "edit", "stable", "--protected")
    debrepo("publish", "drop", "stable", "--yes-really")


def test_route_of_aptly_does_not_replace_what_is_protected(debrepo, published, session, api):
    session.call("publish.edit", distribution="stable", protected=True)
    session.call("snapshot.create", name="second", kind="repo", source="tools")
    body = {"Snapshots": [{"Component": "main", "Name": "second"}], "Signing": {"Skip": True}}
    answer = api.put("/api/publish/:./stable", json=body)
    assert answer.status_code == 409
    assert "is protected" in answer.json()["error"]


def test_snapshot_can_be_made_of_what_clients_are_served(debrepo, published):
    debrepo("snapshot", "create", "live", "from", "publication", "./testing/main")
    assert "other" in debrepo("snapshot", "search", "live").stdout
    result = debrepo("snapshot", "create", "x", "from", "publication", "./no/main", exit_code=3)
    assert "no publication serves ./no/main" in result.stderr


def test_people_are_asked_unless_they_have_said_yes(debrepo, published, monkeypatch):
    monkeypatch.setattr("debrepo_publish.cli.promoting._is_asked", lambda: True)
    before = published.read_bytes()
    result = debrepo("promote", "tools", "stable", exit_code=1)
    assert "Publish this as ./stable?" in result.stderr
    assert published.read_bytes() == before
    debrepo("promote", "tools", "stable", "--yes")
    assert published.read_bytes() != before


def test_a_first_publication_is_named_where_there_is_none_to_switch(debrepo, published):
    said = debrepo("promote", "tools", "production", exit_code=3).stderr
    assert "nothing is published as production in ." in said
    assert 'run "debrepo publish snapshot NAME --distribution production"' in said
    assert "is stable meant?" in debrepo("promote", "tools", "stabel", exit_code=3).stderr
