"""Pages of packages: all versions of one, and one of them from all sides."""

import gzip
import re

import pytest

from debrepo.testing.packages import build_deb, build_source

CHANGES = "hello (2.10-3) unstable; urgency=medium\n\n  * It says <hello>.\n"


@pytest.fixture
def stocked(session, tmp_path):
    relations = {
        "Depends": "libc6 (>= 2.36), world | planet (>= 2), hello-data (>= 1)",
        "Description": "greets <people>\n Politely,\n to all.\n .\n Run:\n   $ hello\n And well.",
        "Homepage": "https://example.org/hello",
        "Source": "greetings (2.10-1)",
    }
    paths = {
        "usr/bin/hello": b"#!/bin/sh\n",
        "usr/share/doc/hello/changelog.Debian.gz": gzip.compress(CHANGES.encode()),
    }
    build_deb(tmp_path, "hello", "2.10-3", fields=relations, paths=paths)
    build_deb(tmp_path, "hello", "2.10-3", "arm64", fields=relations, paths=paths)
    build_deb(tmp_path, "hello", "2.9-1")
    build_deb(tmp_path, "planet", "1", fields={"Provides": "world, moon (= 3)"})
    build_deb(
        tmp_path, "fan", "1", fields={"Depends": "hello-data, hello | x", "Suggests": "hello"}
    )
    build_deb(tmp_path, "fan", "2", fields={"Depends": "x | hello (>= 2.10)"})
    build_deb(tmp_path, "hello-data", "1", "all")
    build_source(tmp_path, "hello", "2.10-3")
    session.call("repo.create", name="tools")
    list(session.call("repo.add", name="tools", paths=[tmp_path]))
    session.call("snapshot.create", name="old", kind="repo", source="tools")
    session.call(
        "publish.create",
        kind="snapshot",
        names=["old"],
        distribution="stable",
        options={"skip_signing": True},
    )
    session.call("repo.remove", name="tools", queries=["hello (= 2.9-1)"])


@pytest.fixture
def hello(session, stocked):
    """The address of hello 2.10-3 for amd64."""
    (found,) = session.call("package.search", queries=["hello_2.10-3_amd64"])
    return f"/web/packages/hello/2.10-3/amd64/{found.key.hash}"


def plain(text):
    """Return the text of a page without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_search_goes_through_everything(read, session, stocked):
    text = read("/web/packages", query="hello (<< 2.10)")
    assert "1 to 1 of 1 that match, of 8 packages" in text
    assert "2.9-1" in text
    assert "column 7" in read("/web/packages", 400, query="hello )")
    assert "1 to 8 of 8 packages" in read("/web/packages")


def test_empty_database_says_what_to_do(read):
    assert "debrepo repo create NAME" in read("/web/packages")


def test_versions_stand_side_by_side_the_newest_first(read, stocked):
    text = re.sub(r" [\d.]+ k?B", "", plain(read("/web/packages/hello")))
    assert "2.10-3 amd64 arm64 source repo tools snapshot old stable 2.9-1 amd64" in text
    assert "2.9-1 amd64 snapshot old stable" in text


def test_places_are_links(read, stocked):
    text = read("/web/packages/hello")
    assert '<a href="/web/repos/tools">repo tools</a>' in text
    assert '<a href="/web/publications/-/stable">stable</a>' in text


def test_what_needs_a_package_is_named_once_by_its_newest_version(read, stocked):
    text = plain(read("/web/packages/hello"))
    assert "fan 2 amd64 Depends x | hello (&gt;= 2.10)" in text
    assert "fan 1 amd64 Suggests hello" in text
    assert "hello-data, hello | x" not in text
    assert "fan 1 amd64 Depends hello-data" in plain(read("/web/packages/hello-data"))
    assert "No package names it" in read("/web/packages/fan")


def test_virtual_package_shows_what_provides_it(read, stocked):
    text = read("/web/packages/moon")
    assert "It is provided by" in text
    assert '<a href="/web/packages/planet">' in text
    assert "no package is called sun" in read("/web/packages/sun", 404)


def test_package_shows_what_it_says_of_itself(read, hello):
    text = read(hello)
    assert "greets &lt;people&gt;" in text
    assert '<p class="description">Politely, to all.</p>' in text
    assert '<p class="description">Run:\n  $ hello\nAnd well.</p>' in text
    assert '<a href="https://example.org/hello" rel="noreferrer noopener nofollow">' in text
    assert '<a href="/web/packages/greetings">greetings (2.10-1)</a>' in text
    assert re.search(r"<dt>SHA256<dd><code>[0-9a-f]{64}</code>", text)
    assert "hello_2.10-3_amd64.deb" in text
    assert "debrepo package show &#39;Pamd64 hello 2.10-3 " in text


def test_dependencies_are_links_that_say_what_is_here(read, hello):
    text = plain(read(hello))
    assert "libc6 (&gt;= 2.36) none of this name" in text
    assert "planet (&gt;= 2) other versions" in text
    assert "world none of this name or planet" in text
    assert "hello-data (&gt;= 1) Files" in text
    assert '<a class="here" href="/web/packages/hello-data">hello-data</a>' in read(hello)


def test_names_that_are_offered_need_not_be_here(read, session, stocked):
    (found,) = session.call("package.search", queries=["planet"])
    text = plain(read(f"/web/packages/planet/1/amd64/{found.key.hash}"))
    assert "Provides world moon (= 3) Files" in text


def test_many_places_are_folded(read, session, stocked):
    for number in range(9):
        session.call("snapshot.create", name=f"s{number}", kind="repo", source="tools")
    assert "<summary>3 more</summary>" in read("/web/packages/planet")


def test_malformed_dependencies_are_shown_as_they_are(read, stock):
    stock("many", [1], Recommends="not, (<well> formed")
    text = read("/web/packages/pkg00001/1.0-1/amd64/0000000000000001")
    assert "<dt>Recommends<dd><code>not, (&lt;well&gt; formed</code>" in text


def test_package_that_is_not_there_is_not_found(read, hello):
    read(hello.replace("2.10-3", "2.10-4"), 404)
    read("/web/packages/a/b/c/d", 404)


def test_changelog_is_read_from_the_package(read, hello):
    text = read(f"{hello}/changelog")
    assert "hello (2.10-3) unstable; urgency=medium\n\n  * It says &lt;hello&gt;." in text


def test_changelog_is_read_from_a_source_package(read, session, stocked):
    (found,) = session.call("package.search", queries=["hello_2.10-3_source"])
    text = read(f"/web/packages/hello/2.10-3/source/{found.key.hash}/changelog")
    assert "hello (2.10-3) unstable; urgency=low" in text


def test_package_without_a_changelog_says_so(read, session, stocked):
    (found,) = session.call("package.search", queries=["planet"])
    text = read(f"/web/packages/planet/1/amd64/{found.key.hash}/changelog")
    assert "planet_1_amd64 has no changelog" in text


def test_files_that_are_gone_are_no_failure_of_the_page(read, session, stock):
    stock("many", [1])
    (found,) = session.call("package.search", queries=["pkg00001"])
    url = f"/web/packages/pkg00001/1.0-1/amd64/{found.key.hash}"
    for page in ("changelog", "paths"):
        assert "the pool has no file" in read(f"{url}/{page}")


def test_paths_are_listed_and_searched(read, hello):
    assert "/usr/bin/hello\n/usr/share/doc/hello/changelog.Debian.gz\n" in read(f"{hello}/paths")
    text = read(f"{hello}/paths", contains="bin")
    assert "changelog" not in text.partition("<pre")[2]
    assert "1 of 2 paths" in text


def test_dependents_are_paged_by_name(read, session, stock):
    stock("many", range(250))
    text = read("/web/packages/libc6/dependents")
    assert re.findall(r'<th scope="row"><a href="/web/packages/(\w+)"', text)[-1] == "pkg00099"
    assert 'rel="next" href="/web/packages/libc6/dependents?after=pkg00099"' in text
    text = read("/web/packages/libc6/dependents", after="pkg00199")
    assert re.findall(r'<th scope="row"><a href="/web/packages/(\w+)"', text)[0] == "pkg00200"
    assert 'rel="next"' not in text
