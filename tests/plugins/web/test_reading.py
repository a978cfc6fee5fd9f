"""Reading in a browser: from a repository to a package, its relations, and the graph."""

import shutil

import pytest

from debrepo.testing.packages import build_deb


@pytest.fixture
def url(debrepo, serving, tmp_path):
    """The address of the pages of a server with two versions of hello."""
    build_deb(tmp_path, "hello", "1.0", fields={"Depends": "world"})
    build_deb(tmp_path, "hello", "2.0")
    build_deb(tmp_path, "world", "1.0")
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", tmp_path)
    debrepo("snapshot", "create", "old", "from", "repo", "tools")
    debrepo("repo", "remove", "tools", "hello (= 1.0)")
    return f"{serving().url}/web"


def test_reader_goes_from_a_search_to_what_a_package_needs(url, visit):
    window = visit(f"{url}/snapshots", viewport={"width": 360, "height": 740})
    window.get_by_role("link", name="old").click()
    window.get_by_role("searchbox", name="Query").fill("hello (")
    window.keyboard.press("Enter")
    assert "column 8" in window.get_by_role("alert").inner_text()
    assert window.get_by_role("searchbox", name="Query").input_value() == "hello ("
    window.get_by_role("searchbox", name="Query").fill("hello (<< 2)")
    window.keyboard.press("Enter")
    assert window.get_by_role("status").inner_text().startswith("1 to 1 of 1 that match")
    window.get_by_role("link", name="hello 1.0 amd64").click()
    assert window.get_by_role("heading", level=1).inner_text() == "hello 1.0 amd64"
    window.get_by_role("link", name="world").click()
    assert "hello" in window.get_by_role("table", name="Packages that name world").inner_text()
    assert window.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_reviewer_compares_two_lists(url, visit):
    window = visit(f"{url}/repos/tools")
    window.get_by_role("link", name="Compare").click()
    window.get_by_label("Compare repo tools with").fill("snapshot:old")
    window.get_by_role("button", name="Compare").click()
    table = window.get_by_role("table", name="From repo:tools to snapshot:old")
    said = table.get_by_role("row").nth(1).inner_text().split()
    assert said == ["hello", "added", "none", "1.0", "amd64"]


@pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz")
def test_graph_is_clicked_through(url, visit):
    window = visit(f"{url}/graph")
    picture = window.get_by_role("region", name="Graph")
    picture.locator("a").filter(has_text="old").click()
    assert window.get_by_role("heading", level=1).inner_text() == "old"
