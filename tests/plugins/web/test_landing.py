"""The page of what is published, and the .sources files that it links."""

import pytest
from starlette.testclient import TestClient

from debrepo.testing.packages import build_deb
from debrepo_server.access import Access
from debrepo_server.app import build

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def published(debrepo, debrepo_root, tmp_path, monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello"))
    (debrepo_root / "debrepo.toml").write_text(
        '[storage.fs.web]\nroot = "web"\npublic_url = "https://deb.example.org/x/"\n'
    )
    debrepo("publish", "repo", "tools", "--distribution", "stable")
    debrepo("publish", "repo", "tools", "team/a&b", "--distribution", "stable/updates")
    debrepo("publish", "repo", "tools", "fs:web:.", "--distribution", "stable")


def test_browsers_see_what_is_published_and_the_sources_of_it(published, api):
    text = api.get("/", headers=BROWSER).text
    assert '<a href="http://127.0.0.1:8080/repos/-/">stable</a>' in text
    assert '<a href="https://deb.example.org/x/">fs:web:./stable</a>' in text
    assert (
        '<a href="http://127.0.0.1:8080/repos/-/team/a%26b/">team/a&amp;b/stable/updates<' in text
    )
    assert '<a href="/sources/-/team/a%26b/stable/updates.sources">updates.sources</a>' in text


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
def test_other_clients_find_nothing_there(published, api, accept):
    answer = api.get("/", headers={"Accept": accept})
    assert (answer.status_code, answer.json()) == (404, {"error": "404 page not found"})


def test_sources_are_those_of_the_command_with_the_url_of_the_tree(published, api):
    assert api.get("/sources/-/stable.sources").text == (
        "Types: deb\nURIs: http://127.0.0.1:8080/repos/-\nSuites: stable\nComponents: main\n"
        "Trusted: yes\n"
    )
    text = api.get("/sources/-/team/a%26b/stable/updates.sources").text
    assert "URIs: http://127.0.0.1:8080/repos/-/team/a%26b\nSuites: stable/updates\n" in text
    text = api.get("/sources/fs:web/stable.sources").text
    assert "URIs: https://deb.example.org/x\n" in text
    assert api.get("/sources/-/unstable.sources").status_code == 404


def test_proxy_tells_how_clients_reach_it(published, api):
    headers = {"X-Forwarded-Proto": "https", "Host": "localhost"}
    text = api.get("/sources/-/stable.sources", headers=headers).text
    assert "URIs: https://localhost/repos/-\n" in text
    headers = {"X-Forwarded-Proto": "https://evil/", "Host": "localhost"}
    text = api.get("/sources/-/stable.sources", headers=headers).text
    assert "URIs: http://localhost/repos/-\n" in text


def test_what_a_caller_may_not_read_is_not_shown(debrepo, published, session, debrepo_root):
    (debrepo_root / "debrepo.toml").write_text("server.anonymous = []\n")
    secret = debrepo("token", "create", "web", "--scope", "download:-/team/*").stdout.strip()
    with TestClient(build(session, Access(session, trusting=False))) as client:
        assert "Nothing that you may read" in client.get("/", headers=BROWSER).text
        assert client.get("/sources/-/stable.sources").status_code == 401
        token = {"X-Debrepo-Token": secret}
        text = client.get("/", headers=BROWSER | token).text
        assert "stable/updates" in text
        assert ">stable<" not in text
        assert client.get("/sources/-/stable.sources", headers=token).status_code == 403
        path = "/sources/-/team/a%26b/stable/updates.sources"
        assert client.get(path, headers=token).status_code == 200


@pytest.mark.debrepo_plugins(disabled=["publish"])
def test_without_publications_there_is_a_page_without_any(api):
    assert "Nothing that you may read" in api.get("/", headers=BROWSER).text
