"""Pages of package lists: what there is, and what they contain."""

import re

import pytest
from starlette.testclient import TestClient

from debrepo import catalog, packageset
from debrepo.testing.packages import build_deb, build_source
from debrepo_server.access import Access
from debrepo_server.app import build
from debrepo_web import package_lists
from debrepo_web.paging import Pager, cut

HTML = {"Accept": "text/html"}


@pytest.fixture
def stocked(session, tmp_path):
    build_deb(tmp_path, "hello", "2.10-3")
    build_deb(tmp_path, "web", "1:1.0", fields={"Section": "web"})
    build_source(tmp_path, "hello", "2.10-3")
    session.call("repo.create", name="tools", comment="what <we> use")
    list(session.call("repo.add", name="tools", paths=[tmp_path]))
    session.call("snapshot.create", name="week-1", kind="repo", source="tools")


def names(text):
    """Return the packages that a page lists, in order."""
    return re.findall(r'<th scope="row"><a href="/web/packages/([^"/]+)"', text)


def test_repositories_are_listed_with_what_is_known_of_them(read, stocked):
    text = read("/web/repos")
    assert '<a href="/web/repos/tools">tools</a><td class="number">3<td class="cell">main' in text
    assert "what &lt;we&gt; use" in text
    assert '<a href="/web/repos" aria-current="page">Repositories</a>' in text
    assert "<code>debrepo repo list</code>" in text


def test_snapshots_are_listed_the_newest_first(read, session, stocked):
    session.call("snapshot.create", name="a-later-one", kind="repo", source="tools")
    text = read("/web/snapshots")
    assert text.index("a-later-one") < text.index("week-1")
    assert "repo tools" in text


@pytest.mark.parametrize("kind", ["repos", "mirrors", "snapshots"])
def test_where_there_is_nothing_the_page_says_what_to_do(read, kind):
    assert re.search(
        r"none yet. Make the first one with <code>debrepo \w+ create", read(f"/web/{kind}")
    )


def test_lists_are_found_by_a_part_of_their_names(read, session):
    for number in range(12):
        session.call("repo.create", name=f"Team-{number}")
    text = read("/web/repos", name="team-1")
    assert re.findall(r'"/web/repos/(Team-\d+)"', text) == ["Team-1", "Team-10", "Team-11"]
    assert "1 to 3 of 3" in text
    assert "None has “x&amp;y” in its name" in read("/web/repos", name="x&y")


def test_repository_shows_its_packages(read, stocked):
    text = read("/web/repos/tools")
    assert names(text) == ["hello", "hello", "web"]
    assert '<a href="/web/packages/hello/2.10-3/amd64/' in text
    assert "<td>source<" in text
    assert "package web, for a test" in text
    assert "debrepo repo show tools --with-packages" in text


def test_snapshot_links_what_it_was_made_from(read, stocked):
    assert '<dt>Made from<dd><a href="/web/repos/tools">repo:tools</a>' in read(
        "/web/snapshots/week-1"
    )


def test_query_chooses_packages(read, stocked):
    text = read("/web/repos/tools", query="Section (= web)")
    assert names(text) == ["web"]
    assert "1 to 1 of 1 that match, of 3 packages" in text
    assert "debrepo repo search tools &#39;Section (= web)&#39;" in text
    text = read("/web/repos/tools", query="ello")
    assert "No package matches <code>ello</code>" in text
    assert '<a href="?query=Name+%28%25+%2Aello%2A%29">Search for names with' in text


def test_error_of_a_query_is_shown_at_its_column(read, stocked):
    text = read("/web/repos/tools", 400, query="web (>> 1.0), (")
    assert "column 16: expected a field or package name, found the end of the query" in text
    place = re.search(r'<pre class="place">(.*?)</pre>', text, re.DOTALL)[1]
    assert place.splitlines()[-2:] == ["    web (&gt;&gt; 1.0), (", "                   ^"]
    assert 'aria-invalid="true"' in text
    assert 'value="web (&gt;&gt; 1.0), ("' in text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("repos", "debrepo repo add empty FILE"),
        ("snapshots", "This snapshot is empty"),
    ],
)
def test_empty_list_says_what_to_do(read, session, kind, said):
    session.call("repo.create", name="empty")
    session.call("snapshot.create", name="empty")
    assert said in read(f"/web/{kind}/empty")


def test_mirror_that_was_never_updated_says_what_to_do(read, session):
    from debrepo_mirror import mirrors
    from debrepo_mirror.mirror import Mirror

    with session.db.write() as txn:
        mirrors.create(txn, Mirror("deb", "u", "http://deb.example.org/debian/", "sid", ("main",)))
    assert "never updated" in read("/web/mirrors")
    text = read("/web/mirrors/deb")
    assert "debrepo mirror update deb" in text
    assert "http://deb.example.org/debian/ sid main" in text


def test_list_that_is_not_there_is_not_found(read, stocked):
    text = read("/web/repos/tolls", 404)
    assert "no repository called tolls" in text
    assert "tools" in text


@pytest.mark.parametrize("query", [{"page": 0}, {"page": "x"}, {"page": -1}])
def test_page_without_a_sensible_number_is_refused(read, stocked, query):
    read("/web/repos/tools", 400, **query)


def test_page_beyond_the_last_is_the_last(read, stocked):
    assert names(read("/web/repos/tools", page=1000)) == ["hello", "hello", "web"]


def test_names_of_lists_are_quoted_in_addresses(read, session):
    session.call("repo.create", name="50% & <more>?")
    assert 'href="/web/repos/50%25%20%26%20%3Cmore%3E%3F"' in read("/web/repos")
    assert "50% &amp; &lt;more&gt;?" in read("/web/repos/50%25%20%26%20%3Cmore%3E%3F")


def test_readers_who_may_not_remove_see_nothing_to_choose(session, stocked):
    with TestClient(build(session, Access(session, trusting=False))) as client:
        for number, scopes in enumerate([["read"], ["read", "repo:tools:remove"]]):
            made = session.call("token.create", name=f"t{number}", scopes=scopes)
            headers = HTML | {"Authorization": f"Bearer {made}"}
            text = client.get("/web/repos/tools", headers=headers).text
            assert ('type="checkbox"' in text) is (number == 1)


@pytest.mark.debrepo_plugins(disabled=["mirror", "snapshot", "aptly", "gitlab", "import"])
def test_kinds_that_are_disabled_are_not_in_the_navigation(read):
    text = read("/web/repos")
    assert "/web/mirrors" not in text
    assert "no operation called mirror.list" in read("/web/mirrors", 404)


def test_page_reads_the_records_of_its_rows_alone(read, stock, monkeypatch):
    stock("many", range(3000))
    decoded, chunks = [], []
    decode, entries_of = catalog.decode, packageset.tree.entries_of
    monkeypatch.setattr(catalog, "decode", lambda *a: decoded.append(a) or decode(*a))
    monkeypatch.setattr(
        packageset.tree, "entries_of", lambda *a: chunks.append(a) or entries_of(*a)
    )
    text = read("/web/repos/many", page=20)
    assert names(text)[0] == "pkg01900"
    assert "1 901 to 2 000 of 3 000 packages" in text.replace("\u202f", " ")
    assert len(decoded) == 100
    assert 1 <= len(chunks) <= 3
    decoded.clear()
    assert len(names(read("/web/repos/many", query="Name (~ 9$)"))) == 100
    assert len(decoded) == 100
    decoded.clear()
    assert len(names(read("/web/repos/many", query="Section (= web)"))) == 100
    assert len(decoded) == 300 + 100  # those that can match, and the rows


def test_pages_of_a_query_keep_it(read, stock):
    stock("many", range(250))
    text = read("/web/repos/many", query="Name (% pkg00*)", page=2)
    assert names(text)[0] == "pkg00100"
    assert 'rel="next" href="/web/repos/many?query=Name+%28%25+pkg00%2A%29&amp;page=3"' in text
    assert 'rel="prev" href="/web/repos/many?query=Name+%28%25+pkg00%2A%29"' in text


def test_pager_counts_rows_from_one():
    pager = Pager(2, 150, "/web/x", {})
    assert (pager.first_row, pager.last_row, pager.last) == (101, 150, 2)
    assert Pager(1, 0, "/web/x", {}).first_row == 0
    assert cut([1, 2, 3], 9, 2) == ([3], 2)


def test_views_name_lists_by_kind_and_address(session):
    session.call("repo.create", name="tools")
    assert package_lists.known_lists(session) == ["repo:tools"]
    assert package_lists.list_url("repo:tools") == "/web/repos/tools"
    assert package_lists.list_url("project:7") == ""


def test_publications_are_named_by_place_and_distribution(monkeypatch, session):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")
    session.call("repo.create", name="tools")
    for place, distribution in ((".", "stable"), ("team/a", "stable/updates")):
        session.call(
            "publish.create",
            kind="repo",
            names=["tools"],
            place=place,
            distribution=distribution,
            options={"architectures": ("amd64",)},
        )
    assert package_lists.publication_urls(session) == {
        "publication:./stable": "/web/publications/-/stable",
        "publication:team/a/stable/updates": "/web/publications/team%2Fa/stable%2Fupdates",
    }
