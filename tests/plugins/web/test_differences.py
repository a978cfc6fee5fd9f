"""Pages of what two lists do not share."""

import re

import pytest

from debrepo.package import PackageKey
from debrepo_snapshot.differences import PackageDiff
from debrepo_web import differences


@pytest.fixture
def two(session, stock):
    """Make a snapshot of ``many``, and change the repository."""
    stock("many", range(250))
    session.call("snapshot.create", name="before", kind="repo", source="many")
    stock("many", [*range(240)], version="1.0-2")


def rows(text):
    """Return package, change, and versions of each row."""
    found = re.findall(r'<tr><th scope="row">(.*?)\n', text)
    return [re.sub(r"<[^>]*>", " ", row).split() for row in found]


def test_differences_are_a_table_of_packages(read, two):
    text = read("/web/snapshots/before/diff", **{"with": "repo:many"})
    assert rows(text)[0] == ["pkg00000", "upgraded", "1.0-1", "1.0-2", "amd64"]
    assert ">all <b>250</b>" in text
    assert ">removed <b>10</b>" in text
    assert "debrepo snapshot diff snapshot:before repo:many" in text
    assert 'href="/web/repos/many/diff?with=snapshot%3Abefore">the other way' in text


def test_differences_are_chosen_and_paged(read, two):
    text = read(
        "/web/repos/many/diff", **{"with": "snapshot:before", "only": "downgraded", "page": 3}
    )
    assert rows(text)[0] == ["pkg00200", "downgraded", "1.0-2", "1.0-1", "amd64"]
    assert len(rows(text)) == 40
    text = read("/web/repos/many/diff", **{"with": "snapshot:before", "only": "added"})
    assert rows(text)[0] == ["pkg00240", "added", "none", "1.0-1", "amd64"]
    assert "No package is removed" in read(
        "/web/repos/many/diff", **{"with": "snapshot:before", "only": "removed"}
    )


def test_lists_without_a_difference_are_told(read, two):
    text = read("/web/snapshots/before/diff", **{"with": "before"})
    assert "Both have the same packages" in text


def test_page_offers_what_to_compare_with(read, two):
    text = read("/web/snapshots/before/diff")
    assert '<option value="repo:many">' in text
    assert "Choose a repository" in text


@pytest.mark.parametrize("other", ["repo:nothing", "nothing:x", "x"])
def test_list_that_is_not_there_is_not_found(read, two, other):
    read("/web/repos/many/diff", 404, **{"with": other})


def test_architectures_that_change_alike_share_a_row():
    def key(architecture, version, digest="aaaaaaaa"):
        return PackageKey("x", architecture, version, digest)

    found = differences.changes(
        [
            PackageDiff(key("amd64", "1"), key("amd64", "2")),
            PackageDiff(key("arm64", "1"), key("arm64", "2")),
            PackageDiff(key("i386", "1"), None),
            PackageDiff(key("s390x", "1"), key("s390x", "1", "bbbbbbbb")),
        ]
    )
    assert [(one.what, one.architectures) for one in found] == [
        ("upgraded", ("amd64", "arm64")),
        ("removed", ("i386",)),
        ("rebuilt", ("s390x",)),
    ]
