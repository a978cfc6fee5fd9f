"""What a publication shows to its users, and how much is read for that."""

import pytest

from debrepo import catalog
from debrepo.testing.packages import build_deb
from debrepo_web import faces, trees


@pytest.fixture
def overview(debrepo, tmp_path, session_after, monkeypatch):
    """Return what clients see of ``stable``, which has ten packages."""
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")
    debrepo("repo", "create", "tools", "--distribution", "stable")
    for number in range(8):
        build_deb(tmp_path, f"tool-{number}", fields={"Description": f"Tool {number}\n long"})
    build_deb(tmp_path, "libtool", fields={"Description": "Library"})
    build_deb(tmp_path, "tool-0", "2.0", "arm64", fields={"Description": "Tool 0, newer"})
    debrepo("repo", "add", "tools", tmp_path)
    debrepo("publish", "repo", "tools")
    (found,) = session_after().call("publish.overview")
    return found


@pytest.fixture
def session_after(request):
    """Return what opens the session, once no command runs any more."""
    return lambda: request.getfixturevalue("session")


def whole(session, overview):
    return faces.whole(session, overview, "https://deb.example.org", trees.Addresses())


def test_newest_version_of_each_package_is_listed(overview, session):
    found = whole(session, overview)
    assert found.complete
    assert found.packages[:2] == [
        ("libtool", "1.0", ("amd64",), "Library"),
        ("tool-0", "2.0", ("arm64",), "Tool 0, newer"),
    ]
    assert found.example == "tool-0"
    assert [one.change for one in found.news] == ["published"]


def test_no_more_packages_are_read_than_are_listed(overview, session, monkeypatch):
    read = []
    get = catalog.get
    monkeypatch.setattr(faces, "LISTED", 3)
    monkeypatch.setattr(catalog, "get", lambda txn, entry: read.append(entry) or get(txn, entry))
    found = whole(session, overview)
    assert [one.name for one in found.packages] == ["libtool", "tool-0", "tool-1"]
    assert not found.complete
    assert len(read) == 4


def test_list_of_publications_reads_no_package(overview, session, monkeypatch):
    monkeypatch.setattr(catalog, "get_many", None)
    (found,) = session.call("publish.overview")
    assert found.packages == 10
