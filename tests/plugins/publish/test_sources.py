"""Changes of sources wait for the next update."""

import pytest
from plugins.publish.client import Client

from debrepo.errors import AlreadyExists, InvalidInput, NotFound


@pytest.fixture
def published(session, add, create, public):
    """Publish two repositories, and have a third one ready."""
    add("hello", repo="tools")
    add("extra", repo="more")
    add("third", repo="others")
    create("tools", "more", components=["main", "contrib"])
    return Client(public)


def names(client):
    return {name for name, _, _ in client.packages()}


def source(session, verb, *names, components=(), **more):
    arguments = {"names": names} if names else {}
    return session.call(
        f"publish.source.{verb}",
        distribution="stable",
        components=list(components),
        **arguments,
        **more,
    )


def test_added_component_joins_with_the_next_update(session, published, update):
    source(session, "add", "others", components=["non-free"])
    assert names(published) == {"hello", "extra"}
    update()
    assert names(published) == {"hello", "extra", "third"}
    assert (published.dists / "non-free").is_dir()


def test_removed_component_leaves_with_the_next_update(session, published, update):
    source(session, "remove", components=["contrib"])
    update()
    assert names(published) == {"hello"}


def test_updated_component_has_another_source(session, published, update):
    source(session, "update", "others", components=["contrib"])
    update()
    assert names(published) == {"hello", "third"}


def test_replaced_components_are_the_only_ones(session, published, update):
    source(session, "replace", "others", components=["main"])
    update()
    assert names(published) == {"third"}
    assert session.call("publish.show", distribution="stable").publication.pending is None


def test_several_changes_add_up(session, published):
    source(session, "add", "others", components=["non-free"])
    source(session, "remove", components=["main"])
    pending = session.call("publish.source.list", distribution="stable").pending
    assert pending == {"contrib": "repo:more", "non-free": "repo:others"}


@pytest.mark.parametrize("verb", ["add", "update", "replace"])
def test_source_that_does_not_exist_is_refused_with_the_one_that_may_be_meant(
    session, published, verb
):
    component = {"add": "non-free", "update": "main", "replace": "main"}[verb]
    with pytest.raises(NotFound, match="no repository called othors") as raised:
        source(session, verb, "othors", components=[component])
    assert "is others meant?" in raised.value.hint
    assert session.call("publish.show", distribution="stable").publication.pending is None


def test_source_that_has_gone_since_stops_the_update(session, published, update):
    source(session, "add", "others", components=["non-free"])
    session.call("repo.drop", name="others", force=True)
    with pytest.raises(NotFound, match="others"):
        update()
    assert names(published) == {"hello", "extra"}
    source(session, "remove", components=["contrib"])  # what was pending before may stay


def test_changes_that_were_dropped_are_not_made(session, published, update):
    source(session, "add", "others", components=["non-free"])
    session.call("publish.source.drop", distribution="stable")
    assert not update().changed


def test_change_back_to_what_is_published_is_no_change(session, published):
    source(session, "add", "others", components=["non-free"])
    source(session, "remove", components=["non-free"])
    with pytest.raises(NotFound, match="no changes are pending"):
        session.call("publish.source.list", distribution="stable")


def test_component_that_is_there_cannot_be_added(session, published):
    with pytest.raises(AlreadyExists, match="has component main already"):
        source(session, "add", "others", components=["main"])


@pytest.mark.parametrize(("verb", "names"), [("update", ["others"]), ("remove", [])])
def test_component_that_is_not_there_cannot_change(session, published, verb, names):
    with pytest.raises(NotFound, match="no component non-free"):
        source(session, verb, *names, components=["non-free"])


def test_last_component_cannot_go(session, published):
    with pytest.raises(InvalidInput, match="no component left"):
        source(session, "remove", components=["main", "contrib"])


def test_every_source_has_a_component(session, published):
    with pytest.raises(InvalidInput, match=r"components \(1\) and sources \(2\)"):
        source(session, "add", "others", "more", components=["non-free"])


def test_pending_source_follows_a_rename(session, published, update):
    source(session, "add", "others", components=["non-free"])
    session.call("repo.rename", name="others", new_name="renamed")
    update()
    assert names(published) == {"hello", "extra", "third"}


def test_switch_keeps_what_is_pending_for_other_components(session, published, update):
    source(session, "add", "others", components=["non-free"])
    switched = {"names": ["others"], "kind": "repo", "components": ["main"]}
    session.call("publish.switch", distribution="stable", **switched)
    update()
    sources = session.call("publish.show", distribution="stable").publication.sources
    assert sources == {"main": "repo:others", "contrib": "repo:more", "non-free": "repo:others"}


def test_commands_say_what_is_pending(debrepo, tmp_path):
    debrepo("repo", "create", "tools")
    debrepo("repo", "create", "more")
    debrepo(
        *("publish", "repo", "tools", "--distribution", "stable"),
        *("--architectures", "amd64", "--skip-signing"),
    )
    result = debrepo("publish", "source", "add", "stable", "more", "--component", "contrib")
    assert result.output == (
        "With the next update of ./stable:\n"
        "  main: repo:tools\n"
        "  contrib: repo:more, so far nothing\n"
    )
    debrepo("publish", "source", "remove", "stable", "--component", "main")
    assert debrepo("publish", "source", "list", "stable").output == (
        "  contrib: repo:more, so far nothing\n  main: removed\n"
    )
    debrepo("publish", "update", "stable")
    debrepo("publish", "source", "list", "stable", exit_code=3)
