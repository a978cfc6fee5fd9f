"""What people do with publications: the difference first, then a task."""

import pytest
from plugins.web.page_forms import HTML, finish, send, wait_for_task

from debrepo.testing.packages import build_deb


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")


def add(session, *debs):
    """Add packages to the repository tools."""
    assert len(list(session.call("repo.add", name="tools", paths=debs))) == len(debs)


@pytest.fixture
def tools(session, tmp_path):
    """A repository with hello 1.0, published as stable."""
    session.call("repo.create", name="tools")
    add(session, build_deb(tmp_path, "hello"))
    session.call("publish.create", kind="repo", names=["tools"], distribution="stable")


@pytest.fixture
def dated(session, tools, tmp_path):
    """Snapshots one and two, which has hello 2.0; one is published as dated."""
    session.call("snapshot.create", name="one", kind="repo", source="tools")
    words = {"kind": "snapshot", "names": ["one"], "place": "team", "distribution": "dated"}
    session.call("publish.create", **words)
    add(session, build_deb(tmp_path, "hello", "2.0"))
    session.call("snapshot.create", name="two", kind="repo", source="tools")


STABLE = "/web/publications/-/stable"
DATED = "/web/publications/team/dated"


def live(session, distribution="stable", place=""):
    return session.call("publish.show", distribution=distribution, place=place).publication


def rows(text):
    """Return what a page says of the packages that change."""
    body = text.partition("Packages that change")[2].partition("</table>")[0]
    return [" ".join(row.split()) for row in body.split("<tr>")[2:]]


def test_update_shows_the_difference_and_then_publishes(api, session, tools, tmp_path):
    assert "Clients would notice nothing." in api.get(f"{STABLE}/update", headers=HTML).text
    add(session, build_deb(tmp_path, "world"))
    (row,) = rows(api.get(f"{STABLE}/update", headers=HTML).text)
    assert ">added<" in row
    assert ">world<" in row
    task = wait_for_task(api, send(api, f"{STABLE}/update"))
    assert task.name == "Publish stable"
    assert "Generation 2 is live, with 2 packages." in task.output
    index = session.root / "public/dists/stable/main/binary-amd64/Packages.gz"
    assert index.exists()
    assert "Nothing has changed." in wait_for_task(api, send(api, f"{STABLE}/update")).output


def test_switch_shows_the_difference_and_then_publishes(api, session, dated):
    asked = {"component": "main", "source": "snapshot:two"}
    text = api.get(f"{DATED}/switch", headers=HTML).text
    assert '<option value="snapshot:one" selected>' in text
    (row,) = rows(api.get(f"{DATED}/switch", params=asked, headers=HTML).text)
    assert ">upgraded<" in row
    answer = send(api, f"{DATED}/switch", **asked)
    finish(api, answer)
    assert live(session, "dated", "team").sources == {"main": "snapshot:two"}


def test_promotion_shows_the_difference_and_then_makes_a_snapshot(api, session, dated):
    asked = {"source": "repo:tools"}
    (row,) = rows(api.get(f"{DATED}/promote", params=asked, headers=HTML).text)
    assert ">upgraded<" in row
    task = wait_for_task(api, send(api, f"{DATED}/promote", **asked))
    source = live(session, "dated", "team").sources["main"]
    assert source.startswith("snapshot:tools-")
    assert f"Created snapshot {source.partition(':')[2]}." in task.output
    assert not rows(api.get(f"{DATED}/promote", params=asked, headers=HTML).text)


def test_what_another_publication_serves_is_promoted(api, session, dated):
    session.call("publish.update", distribution="stable")
    assert "<option>./stable</option>" in api.get(f"{DATED}/promote", headers=HTML).text
    wait_for_task(api, send(api, f"{DATED}/promote", source="./stable"))
    assert live(session, "dated", "team").sources["main"].startswith("snapshot:stable-")


def test_rollback_shows_the_difference_and_then_publishes(api, session, dated):
    session.call("publish.switch", distribution="dated", names=["two"], place="team")
    (row,) = rows(api.get(f"{DATED}/rollback?generation=1", headers=HTML).text)
    assert ">downgraded<" in row
    wait_for_task(api, send(api, f"{DATED}/rollback", generation="1"))
    assert live(session, "dated", "team").live == 3
    assert live(session, "dated", "team").sources == {"main": "snapshot:one"}


def test_list_is_published_for_the_first_time_from_a_form(api, session, tools):
    assert "<option>repo:tools</option>" in api.get("/web/publications/create", headers=HTML).text
    fields = {"source": "repo:tools", "distribution": "next", "place": "team", "component": "x"}
    wait_for_task(api, send(api, "/web/publications/create", **fields))
    assert live(session, "next", "team").sources == {"x": "repo:tools"}


def test_publication_is_dropped_only_if_that_is_marked(api, session, tools):
    assert send(api, f"{STABLE}/drop").status_code == 400
    answer = send(api, f"{STABLE}/drop", sure="1")
    assert answer.headers["location"].endswith("?next=%2Fweb%2Fpublications")
    wait_for_task(api, answer)
    assert session.call("publish.list") == []


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        (f"{STABLE}/switch", {}, 400),
        (f"{STABLE}/switch", {"component": ["a", "b"], "source": "repo:x"}, 400),
        (f"{STABLE}/promote", {}, 400),
        (f"{STABLE}/rollback", {}, 400),
        (f"{STABLE}/rollback", {"generation": "x"}, 400),
        ("/web/publications/create", {"source": "tools", "distribution": "x"}, 400),
        ("/web/publications/create", {"source": "repo:tools"}, 400),
    ],
)
def test_form_that_says_too_little_begins_nothing(api, tools, path, fields, status):
    assert send(api, path, **fields).status_code == status
    assert api.get("/api/tasks").json() == []


@pytest.mark.parametrize("verb", ["update", "switch", "promote", "rollback"])
def test_publication_that_is_not_there_has_no_page_of_changes(api, tools, verb):
    answer = api.get(f"/web/publications/-/none/{verb}", headers=HTML)
    assert answer.status_code == 404


def test_what_cannot_be_published_is_said_on_the_page_of_the_task(api, tools):
    fields = {"source": "repo:tools", "distribution": "stable"}
    page = finish(api, send(api, "/web/publications/create", **fields))
    assert "./stable is published already" in page.text


def test_preview_reads_what_differs_and_no_published_file(api, session, tools, tmp_path):
    for path in sorted((session.root / "public").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    add(session, build_deb(tmp_path, "world"))
    assert len(rows(api.get(f"{STABLE}/update", headers=HTML).text)) == 1


def test_person_promotes_once_the_difference_was_shown(serving, session, dated, visit):
    window = visit(f"{serving().url}{DATED}/promote")
    window.get_by_label("From").select_option("repo:tools")
    window.get_by_role("button", name="Show what changes").click()
    assert window.get_by_role("row").filter(has_text="hello").filter(has_text="2.0").count() == 1
    window.get_by_role("button", name="Promote", exact=True).click()
    window.wait_for_url(f"**{DATED}")
    assert live(session, "dated", "team").live == 2


def test_prefix_that_is_a_hyphen_is_published_as_such(api, session, tools):
    words = {"source": "repo:tools", "distribution": "s", "place": "-"}
    wait_for_task(api, send(api, "/web/publications/create", **words))
    assert live(session, "s", "-").place == "-"
