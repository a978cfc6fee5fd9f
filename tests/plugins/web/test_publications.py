"""The list of publications, and the page of each with its history and differences."""

import json
from types import SimpleNamespace

import pytest

from debrepo.testing.packages import build_deb
from debrepo_web import publications

HTML = {"Accept": "text/html"}


@pytest.fixture
def published(debrepo, tmp_path, monkeypatch):
    """Two generations of ``stable``, and one of ``stable/updates`` elsewhere."""
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello"))
    debrepo("publish", "repo", "tools", "--distribution", "stable", "--label", "Tools <b>")
    debrepo("publish", "repo", "tools", "team/a&b", "--distribution", "stable/updates")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello", "1.1"))
    debrepo("publish", "update", "stable")


@pytest.fixture
def page(api):
    """Return the text of a page."""

    def get(path, status=200):
        answer = api.get(f"/web/publications{path}", headers=HTML)
        assert answer.status_code == status, answer.text
        return answer.text

    return get


def test_list_says_what_is_live_and_what_is_behind(published, page):
    text = page("")
    assert '<a href="/web/publications/-/stable">stable</a>' in text
    assert (
        '<a href="/web/publications/team%2Fa%26b/stable%2Fupdates">team/a&amp;b/stable/updates</a>'
        in text
    )
    assert text.count("behind repo tools") == 1
    assert "not signed" in text
    assert "just now" in text


def test_empty_list_says_what_to_do(page):
    assert "debrepo publish repo tools" in page("")


def test_page_says_how_to_use_a_publication(published, page):
    text = page("/-/stable")
    assert "Tools &lt;b&gt;" in text
    assert "URIs: http://127.0.0.1:8080/repos/-\nSuites: stable" in text
    assert "deb [trusted=yes] http://127.0.0.1:8080/repos/- stable main" in text
    assert (
        "sources.list.d/stable.sources \\\nhttp://127.0.0.1:8080/sources/-/stable.sources" in text
    )
    assert "<code>debrepo publish show stable</code>" in text
    assert "behind" not in text
    other = page("/team%2Fa%26b/stable%2Fupdates")
    assert "debrepo publish show stable/updates team/a&amp;b" in other
    assert '<a href="/web/repos/tools">repo tools</a>' in other


def test_prefix_called_as_the_root_is_written_is_another_place(published, session, page):
    named = {"distribution": "stable", "options": {"label": "Dash"}}
    session.call("publish.create", kind="repo", names=["tools"], place="./-", **named)
    assert 'href="/web/publications/.%2F-/stable"' in page("")
    assert "Dash" in page("/.%2F-/stable")
    assert "Dash" not in page("/-/stable")


def test_history_is_paged_and_names_what_changed(published, page):
    text = page("/-/stable/history")
    assert text.index("publish update") < text.index("publish repo tools")
    assert '<span class="change upgraded">1 upgraded</span>' in text
    assert 'name="from" value="1"' in text
    assert "There is nothing more" in page("/-/stable/history?page=2")


def test_any_two_generations_are_compared(published, page):
    text = page("/-/stable/diff?from=1&to=2")
    assert ">upgraded<" in text
    assert '<td class="version">1.0</td><td class="version">1.1</td>' in text
    assert "debrepo publish diff stable 1 2" in text
    assert "No package differs" in page("/-/stable/diff?from=2")
    assert ">downgraded<" in page("/-/stable/diff?from=2&to=1")
    assert "no generation 7" in page("/-/stable/diff?from=7", 404)


@pytest.mark.parametrize("path", ["/-/unstable", "/x/stable", "/-/unstable/history"])
def test_what_is_not_published_is_not_found(published, page, path):
    assert "nothing is published as" in page(path, 404)


@pytest.mark.debrepo_plugins(disabled=["publish"])
def test_list_is_empty_without_the_plugin(page):
    assert "Nothing is published yet" in page("")


def test_overview_of_the_command_is_that_of_the_page(published, debrepo):
    found = {
        row["distribution"]: row for row in json.loads(debrepo("publish", "list", "--json").stdout)
    }
    assert found["stable"]["generation"] == 2
    assert found["stable"]["components"] == {"main": {"amd64": 2}}
    assert found["stable"]["behind"] == []
    assert found["stable/updates"]["behind"] == ["repo:tools"]


def overview(**said):
    document = SimpleNamespace(verbatim=False, pending=None)
    given = {"publication": document, "generation": 1, "expires": 0, "signers": (), "behind": ()}
    return SimpleNamespace(**{**given, **said})


@pytest.mark.parametrize(
    ("said", "remark"),
    [
        ({"generation": 0}, ("warn", "not live yet")),
        ({"expires": 5}, ("bad", "clients refuse it: it has expired")),
        ({}, ("warn", "not signed")),
    ],
)
def test_remarks_name_what_needs_attention(said, remark):
    assert remark in list(publications.remarks(overview(**said), 10))


@pytest.mark.parametrize(
    ("expires", "remarks"),
    [
        ("", []),
        ("1970-01-01T00:00:05+00:00", [("bad", "key 00000ABC has expired")]),
        ("1970-01-03T00:00:10+00:00", [("warn", "key 00000ABC expires in 2 days")]),
        ("1971-01-03T00:00:10+00:00", []),
    ],
)
def test_keys_are_told_of_before_they_expire(expires, remarks):
    key = SimpleNamespace(fingerprint="0" * 37 + "ABC", expires=expires)
    assert list(publications.remarks(overview(signers=[key]), 10)) == remarks
