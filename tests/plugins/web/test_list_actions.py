"""What people do with repositories, mirrors and snapshots on their pages."""

import pytest
from plugins.web.page_forms import HTML, finish, send

from debrepo.testing.packages import build_deb


@pytest.fixture
def tools(session, tmp_path):
    """A repository with hello 1.0 and world 2.0."""
    session.call("repo.create", name="tools")
    debs = [build_deb(tmp_path, *words) for words in (("hello", "1.0"), ("world", "2.0"))]
    assert len(list(session.call("repo.add", name="tools", paths=debs))) == 2


def keys(session, name="tools"):
    return [str(key) for key in session.call("repo.show", name=name, with_packages=True).packages]


def names(session, name="tools"):
    return [key.split()[1] for key in keys(session, name)]


def test_repository_is_created_with_what_the_form_says(api, session):
    fields = {"component": "contrib", "distribution": "stable", "comment": "of ours"}
    answer = send(api, "/web/repos/create", name=" web ", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/web/repos/web")
    repo = session.call("repo.show", name="web").repo
    assert {name: getattr(repo, name) for name in fields} == fields
    assert "Created repository web." in api.get("/web/login", headers=HTML).text


def test_repository_is_created_from_another_list(api, session, tools):
    assert send(api, "/web/repos/create", name="copy", source="repo:tools").status_code == 303
    assert keys(session, "copy") == keys(session)


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"name": ""}, 400), ({"name": "a/b"}, 400), ({"name": "tools"}, 409)]
    + [({"name": "x", "source": source}, 400) for source in ("tools", ":tools", "repo:")]
    + [({"name": "x", "source": "repo:none"}, 404)],
)
def test_repository_that_cannot_be_is_refused_on_a_page(api, session, tools, fields, status):
    answer = send(api, "/web/repos/create", **fields)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert len(session.call("repo.list")) == 1


def test_properties_of_a_repository_are_edited(api, session, tools):
    send(api, "/web/repos/tools/edit", component="x", distribution="d", comment="c")
    repo = session.call("repo.show", name="tools").repo
    assert (repo.component, repo.distribution, repo.comment) == ("x", "d", "c")


def test_chosen_packages_are_removed_once_they_were_shown(api, session, tools):
    key = keys(session)[0]
    asked = send(api, "/web/repos/tools/remove", key=key)
    assert asked.status_code == 200
    assert "hello 1.0" in " ".join(asked.text.split())
    assert names(session) == ["hello", "world"]
    done = send(api, "/web/repos/tools/remove", key=key, sure="1")
    assert done.headers["location"] == "/web/repos/tools"
    assert names(session) == ["world"]


def test_packages_that_match_a_query_are_removed_once_they_were_shown(api, session, tools):
    asked = send(api, "/web/repos/tools/remove", query="Name (~ o), !hello")
    assert "world" in asked.text
    assert "hello" not in asked.text.replace('value="Name (~ o), !hello"', "")
    assert names(session) == ["hello", "world"]
    send(api, "/web/repos/tools/remove", query="Name (~ o), !hello", sure="1")
    assert names(session) == ["hello"]


@pytest.mark.parametrize(
    "fields",
    [{}, {"query": "hello", "key": "Pamd64 hello 1.0 0"}, {"query": "Name (", "sure": "1"}],
)
def test_odd_choice_removes_nothing(api, session, tools, fields):
    assert send(api, "/web/repos/tools/remove", **fields).status_code == 400
    assert names(session) == ["hello", "world"]


@pytest.mark.parametrize("by", ["key", "query"])
@pytest.mark.parametrize("folder", ["repos", "snapshots"])
def test_packages_are_copied_to_another_repository(api, session, tools, folder, by):
    session.call("repo.create", name="web")
    session.call("snapshot.create", name="tools", kind="repo", source="tools")
    chosen = {"key": keys(session)[1]} if by == "key" else {"query": "world"}
    answer = send(api, f"/web/{folder}/tools/copy", target="web", **chosen)
    assert answer.headers["location"] == "/web/repos/web"
    assert names(session, "web") == ["world"]


@pytest.mark.parametrize(
    ("folder", "target", "status"), [("repos", "", 400), ("repos", "no", 404), ("x", "tools", 400)]
)
def test_copy_to_nowhere_or_from_nowhere_is_refused(api, tools, folder, target, status):
    assert send(api, f"/web/{folder}/tools/copy", target=target, query="x").status_code == status


def test_snapshot_is_created_of_a_repository(api, session, tools):
    answer = send(api, "/web/snapshots/create", name="one", source="repo:tools", description="d")
    assert answer.headers["location"] == "/web/snapshots/one"
    shown = session.call("snapshot.show", name="one")
    assert (shown.size, shown.snapshot.description) == (2, "d")


def test_list_is_dropped_only_if_that_is_marked(api, session, tools):
    session.call("snapshot.create", name="one", kind="repo", source="tools")
    assert send(api, "/web/snapshots/one/drop").status_code == 400
    assert send(api, "/web/snapshots/one/drop", sure="1").status_code == 303
    assert session.call("snapshot.list") == []
    session.call("snapshot.create", name="one", kind="repo", source="tools")
    assert send(api, "/web/repos/tools/drop", sure="1").status_code == 409
    assert len(session.call("repo.list")) == 1


def test_mirror_is_dropped_from_its_page(api, session, tools):
    unsigned = {"options": {"skip_signing": True}}
    session.call("publish.create", kind="repo", names=["tools"], distribution="s", **unsigned)
    url = (session.root / "public").as_uri()
    terms = {"distribution": "s", "options": {"ignore_signatures": True}}
    session.call("mirror.create", name="m", url=url, **terms)
    assert send(api, "/web/mirrors/m/drop", sure="1").headers["location"] == "/web/mirrors"
    assert session.call("mirror.list") == []


def test_mirror_that_cannot_be_updated_says_why_on_the_page_of_its_task(api):
    answer = send(api, "/web/mirrors/none/update")
    page = finish(api, answer)
    assert "no mirror called none" in page.text
    assert "failed" in page.text
