"""The page of the audit log, and its filters."""

import re

import pytest

HTML = {"Accept": "text/html"}


@pytest.fixture
def changed(debrepo):
    for name in ("web", "tools"):
        debrepo("repo", "create", name)
    debrepo("repo", "edit", "web", "--comment", "for the web")


def operations(text):
    return re.findall(r'<th scope="row">([a-z.]+)<', text)


def test_changes_are_listed_the_newest_first_with_links(changed, api):
    text = api.get("/web/audit", headers=HTML).text
    assert operations(text) == ["repo.edit", "repo.create", "repo.create"]
    assert '<a href="/web/repos/web">repo:web</a>' in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("operation=repo.edit", ["repo.edit"]),
        ("what=repo:tools", ["repo.create"]),
        ("what=repo:none", []),
        ("actor=nobody", []),
        ("before=2", ["repo.create"]),
        ("what=repo:web&operation=repo.create&before=3", ["repo.create"]),
    ],
)
def test_filters_leave_what_they_name(changed, api, query, expected):
    assert operations(api.get(f"/web/audit?{query}", headers=HTML).text) == expected


def test_page_says_the_command_that_shows_the_same(changed, api):
    text = api.get("/web/audit?what=repo:web&operation=repo.edit", headers=HTML).text
    assert "debrepo audit list --operation repo.edit --what repo:web<" in text


def test_long_log_has_pages_that_keep_the_filter(session, api):
    session.call("repo.create", name="web")
    for number in range(55):
        session.call("repo.edit", name="web", comment=str(number))
    text = api.get("/web/audit?operation=repo.edit", headers=HTML).text
    assert len(operations(text)) == 50
    assert 'href="/web/audit?operation=repo.edit&amp;before=7"' in text
    older = api.get("/web/audit?operation=repo.edit&before=7", headers=HTML).text
    assert len(operations(older)) == 5


def test_empty_log_says_so(api):
    assert "Nothing was changed yet." in api.get("/web/audit", headers=HTML).text
    assert "No record is like that." in api.get("/web/audit?actor=x", headers=HTML).text


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "²"])
def test_odd_number_of_a_record_is_refused(api, before):
    answer = api.get("/web/audit", params={"before": before}, headers=HTML)
    assert answer.status_code == 400


@pytest.mark.debrepo_plugins(disabled=["audit"])
def test_without_a_log_there_is_no_page(api):
    assert api.get("/web/audit", headers=HTML).status_code == 404
