"""Pages of a place as files in its tree: ``debrepo publish site``."""

import json

import pytest

from debrepo.testing.packages import build_deb

URL = "https://deb.example.org/"


@pytest.fixture
def tree(debrepo, debrepo_root, tmp_path, monkeypatch):
    """The tree of two publications, and one below a prefix."""
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello"))
    debrepo("publish", "repo", "tools", "--distribution", "stable")
    debrepo("publish", "repo", "tools", "--distribution", "stable/updates")
    debrepo("publish", "repo", "tools", "team", "--distribution", "stable")
    return debrepo_root / "public"


def written(tree):
    """Return the files of the site, without package files and indexes."""
    paths = (str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file())
    return sorted(path for path in paths if not {"dists", "pool"} & set(path.split("/")))


def test_site_is_what_a_server_shows(debrepo, tree):
    result = debrepo("publish", "site", "--url", URL)
    assert result.stdout == (
        "Pages of .: 10 files written, 0 deleted, 0 unchanged.\nhttps://deb.example.org/index.html\n"
    )
    assert written(tree) == [
        "debrepo-site/icon.svg",
        "debrepo-site/web.css",
        "debrepo-site/web.js",
        "index.html",
        "stable.atom",
        "stable.html",
        "stable.sources",
        "stable/updates.atom",
        "stable/updates.html",
        "stable/updates.sources",
    ]
    page = (tree / "stable/updates.html").read_text()
    assert 'href="../debrepo-site/web.css"' in page
    assert "https://deb.example.org/stable/updates.sources\n" in page
    assert "/web" not in page.replace("/web.", "")
    assert 'href="https://deb.example.org/stable.html"' in (tree / "index.html").read_text()
    assert (tree / "stable.sources").read_text() == (
        "Types: deb\nURIs: https://deb.example.org\nSuites: stable\nComponents: main\n"
        "Trusted: yes\n"
    )


def test_only_what_changed_is_written(debrepo, tree, tmp_path):
    debrepo("publish", "site", "--url", URL)
    again = json.loads(debrepo("publish", "site", "--url", URL, "--json").stdout)
    assert (again["written"], again["unchanged"]) == ([], 10)
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello", "1.1"))
    debrepo("publish", "update", "stable")
    again = json.loads(debrepo("publish", "site", "--url", URL, "--json").stdout)
    assert again["written"] == ["stable.html", "stable.atom", "index.html"]
    debrepo("publish", "drop", "stable/updates")
    again = json.loads(debrepo("publish", "site", "--url", URL, "--json").stdout)
    assert again["written"] == ["index.html"]
    assert len(again["deleted"]) == 3
    assert not (tree / "stable").exists()


def test_removing_leaves_no_file_of_it(debrepo, tree):
    before = written(tree)
    debrepo("publish", "site", "team", "--url", URL)
    debrepo("publish", "site", "team", "--remove")
    assert written(tree) == before == []
    assert debrepo("publish", "site", "team", "--remove").stdout.startswith(
        "Pages of team: 0 files"
    )


def test_verify_and_repair_leave_it_alone(debrepo, tree):
    debrepo("publish", "site", "--url", URL)
    debrepo("publish", "verify", "stable")
    debrepo("publish", "repair", "stable", "--reconcile")
    assert "index.html" in written(tree)


def test_file_of_others_is_not_replaced(debrepo, tree):
    (tree / "index.html").write_text("mine")
    result = debrepo("publish", "site", "--url", URL, exit_code=11)
    assert "index.html was not written by debrepo" in result.output
    assert written(tree) == ["index.html"]


def test_url_has_to_be_known(debrepo, tree, debrepo_root):
    result = debrepo("publish", "site", exit_code=2)
    assert "Error: the URL of . is not known" in result.output
    (debrepo_root / "debrepo.toml").write_text(f'storage.fs.default.public_url = "{URL}"\n')
    debrepo("publish", "site")


def test_two_pages_cannot_have_one_name(debrepo, tree):
    debrepo("publish", "repo", "tools", "--distribution", "index")
    result = debrepo("publish", "site", "--url", URL, exit_code=2)
    assert "two pages would be called index.html" in result.output
    assert written(tree) == []


def test_place_without_publications_has_no_site(debrepo, tree):
    result = debrepo("publish", "site", "nowhere", exit_code=3)
    assert "nothing is published in nowhere" in result.output


def test_interrupted_site_is_finished_later(debrepo, tree, session, monkeypatch):
    from debrepo_publish_fs.storage import FileStorage

    put = FileStorage.put

    def failing(self, path, data, **more):
        if path == "index.html":
            raise OSError("the disk has gone")
        return put(self, path, data, **more)

    monkeypatch.setattr(FileStorage, "put", failing)
    with pytest.raises(OSError, match="the disk has gone"):
        session.call("publish.site", url=URL)
    monkeypatch.undo()
    found = session.call("publish.site", url=URL)
    assert len(found.written) == 10
    assert session.call("publish.site", url=URL).written == ()
