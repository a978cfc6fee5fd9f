"""What people publish in a browser, from the first generation to the last."""

import pytest

from debrepo.testing.packages import build_deb


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")


@pytest.fixture
def add(session, tmp_path):
    """Add a package to the repository tools."""
    session.call("repo.create", name="tools")

    def add_one(*package):
        list(session.call("repo.add", name="tools", paths=[build_deb(tmp_path, *package)]))

    return add_one


def generation(session, distribution):
    return session.call("publish.show", distribution=distribution).publication.live


def test_person_publishes_and_updates_and_rolls_back_and_drops(serving, session, add, visit):
    add("hello")
    window = visit(f"{serving().url}/web/publications")
    window.get_by_role("link", name="Publish a package list").click()
    window.get_by_label("Package list").select_option("repo:tools")
    window.get_by_label("Distribution").fill("stable")
    window.get_by_role("button", name="Publish", exact=True).click()
    window.wait_for_url("**/web/publications/-/stable")
    assert generation(session, "stable") == 1
    add("world")
    window.get_by_role("link", name="Update", exact=True).click()
    assert window.get_by_role("row").filter(has_text="added").filter(has_text="world").count() == 1
    window.get_by_role("button", name="Publish", exact=True).click()
    window.wait_for_url("**/web/publications/-/stable")
    assert generation(session, "stable") == 2
    window.get_by_role("link", name="Roll back").click()
    window.get_by_label("Generation").select_option("1")
    window.get_by_role("button", name="Show what changes").click()
    assert (
        window.get_by_role("row").filter(has_text="removed").filter(has_text="world").count() == 1
    )
    window.get_by_role("button", name="Publish generation 1 again").click()
    window.wait_for_url("**/web/publications/-/stable")
    assert generation(session, "stable") == 3
    window.locator("summary").filter(has_text="Drop this publication").click()
    window.get_by_label("Clients will not find it any more").check()
    window.get_by_role("button", name="Drop").click()
    window.wait_for_url("**/web/publications")
    assert session.call("publish.list") == []


def test_person_makes_a_snapshot_and_switches_to_it(serving, session, add, visit):
    add("hello")
    session.call("snapshot.create", name="one", kind="repo", source="tools")
    session.call("publish.create", kind="snapshot", names=["one"], distribution="stable")
    add("hello", "2.0")
    window = visit(f"{serving().url}/web/repos/tools")
    window.locator("summary").filter(has_text="Make a snapshot").click()
    window.get_by_label("Name of the snapshot").fill("two")
    window.get_by_role("button", name="Make the snapshot").click()
    window.wait_for_url("**/web/snapshots/two")
    window.goto(window.url.replace("snapshots/two", "publications/-/stable"))
    window.get_by_role("link", name="Switch", exact=True).click()
    window.get_by_label("main", exact=True).select_option("snapshot:two")
    window.get_by_role("button", name="Show what changes").click()
    window.get_by_role("row").filter(has_text="hello").filter(has_text="2.0").first.wait_for()
    window.get_by_role("button", name="Switch", exact=True).click()
    window.wait_for_url("**/web/publications/-/stable")
    assert generation(session, "stable") == 2
    sources = session.call("publish.show", distribution="stable").publication.sources
    assert sources == {"main": "snapshot:two"}


def test_person_copies_packages_and_edits_a_repository(serving, session, add, visit):
    add("hello")
    add("world")
    session.call("repo.create", name="other")
    window = visit(f"{serving().url}/web/repos/tools")
    window.get_by_label("Choose hello 1.0 amd64").check()
    window.get_by_label("Copy the marked to").fill("other")
    window.get_by_role("button", name="Copy", exact=True).click()
    window.get_by_text("1 package copied to other.").wait_for()
    assert window.get_by_role("link", name="hello", exact=True).is_visible()
    window.locator("summary").filter(has_text="Edit").click()
    window.get_by_label("Comment", exact=True).fill("For <everybody>")
    window.get_by_role("button", name="Save").click()
    window.get_by_text("Changed repository other.").wait_for()
    assert session.call("repo.show", name="other").repo.comment == "For <everybody>"
