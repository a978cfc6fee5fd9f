"""The page of what is published, and the .sources files that it links."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from starlette.testclient import TestClient

from debrepo.testing.packages import build_deb
from debrepo_server.access import Access
from debrepo_server.app import build

ATOM = "{http://www.w3.org/2005/Atom}"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def published(debrepo, debrepo_root, tmp_path, monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello"))
    debrepo("repo", "create", "newer")
    debrepo("repo", "add", "newer", build_deb(tmp_path, "hello", "1.1"))
    (debrepo_root / "debrepo.toml").write_text(
        '[storage.fs.web]\nroot = "web"\npublic_url = "https://deb.example.org/x/"\n'
    )
    debrepo("publish", "repo", "tools", "--distribution", "stable")
    debrepo("publish", "repo", "tools", "team/a&b", "--distribution", "stable/updates")
    debrepo("publish", "repo", "tools", "fs:web:.", "--distribution", "stable")


@pytest.fixture
def signed(debrepo, debrepo_root, tmp_path):
    """A publication that a key in a home of its own signs."""
    home = Path(tempfile.mkdtemp(prefix="dr-"))  # the path of a socket may not be long
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text(f'signing.gpg.home = "{home}"\n')
    debrepo("key", "create", "--name", "Example archive")
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello"))
    debrepo("publish", "repo", "tools", "--distribution", "stable")
    yield
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)
    shutil.rmtree(home)


def test_browsers_see_what_is_published(published, api):
    text = api.get("/", headers=BROWSER).text
    assert '<a href="/publications/-/stable">stable</a>' in text
    assert '<a href="/publications/fs:web/stable">fs:web:./stable</a>' in text
    path = "/publications/-/team/a%26b/stable/updates"
    assert f'<a href="{path}">team/a&amp;b/stable/updates</a>' in text
    assert "1 package for amd64" in text


def test_publication_has_a_page_for_its_users(published, api):
    text = api.get("/publications/-/team/a%26b/stable/updates", headers=BROWSER).text
    source = "http://127.0.0.1:8080/sources/-/team/a%26b/stable/updates.sources"
    assert f"/etc/apt/sources.list.d/team-a-b-stable-updates.sources \\\n{source}\n" in text
    assert "URIs: http://127.0.0.1:8080/repos/-/team/a%26b\n" in text
    assert '<th scope="row">hello</th><td class="version">1.0</td><td>amd64</td>' in text
    assert "sudo apt install hello" in text
    text = api.get("/publications/fs:web/stable", headers=BROWSER).text
    assert '<a href="https://deb.example.org/x/">' in text
    assert api.get("/publications/-/unstable", headers=BROWSER).status_code == 404


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
        for path in ("sources/-/stable.sources", "publications/-/stable", "feeds/-/stable.atom"):
            assert client.get(f"/{path}").status_code == 401
        token = {"X-Debrepo-Token": secret}
        text = client.get("/", headers=BROWSER | token).text
        assert "stable/updates" in text
        assert ">stable<" not in text
        for path in ("sources/-/stable.sources", "publications/-/stable", "feeds/-/stable.atom"):
            assert client.get(f"/{path}", headers=token).status_code == 403
        path = "/sources/-/team/a%26b/stable/updates.sources"
        assert client.get(path, headers=token).status_code == 200


def test_feed_names_what_is_new(published, session, api):
    session.call("publish.switch", distribution="stable", names=["newer"], kind="repo")
    answer = api.get("/feeds/-/stable.atom")
    assert answer.headers["content-type"] == "application/atom+xml"
    feed = ET.fromstring(answer.content)
    titles = [one.findtext(f"{ATOM}title") for one in feed.iter(f"{ATOM}entry")]
    assert titles == ["hello 1.1", "stable: generation 1"]
    ids = [one.findtext(f"{ATOM}id") for one in feed.iter(f"{ATOM}entry")]
    assert ids[0] == "http://127.0.0.1:8080/feeds/-/stable.atom#2/hello/1.1"


def test_keyring_is_that_of_the_sources_file(signed, api):
    answer = api.get("/keyrings/-/stable.asc")
    assert answer.headers["content-type"] == "application/pgp-keys"
    assert answer.text.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n")
    text = api.get("/publications/-/stable", headers=BROWSER).text
    assert "[signed-by=/etc/apt/keyrings/stable.asc]" in text
    assert "not signed" not in text


def test_unsigned_publication_has_no_keyring(published, api):
    assert api.get("/keyrings/-/stable.asc").status_code == 404


@pytest.mark.debrepo_plugins(disabled=["publish"])
def test_without_publications_there_is_a_page_without_any(api):
    assert "Nothing that you may read" in api.get("/", headers=BROWSER).text
