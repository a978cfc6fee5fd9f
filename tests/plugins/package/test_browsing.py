"""Packages page by page, what names them, and what is in their files."""

import gzip
import json

import pytest

from debrepo.catalog import CONTENTS
from debrepo.errors import InvalidInput, InvalidPackage, NotFound
from debrepo.testing.packages import build_deb
from debrepo_package import inside

CHANGES = b"hello (1) unstable; urgency=medium\n\n  * First.\n"


@pytest.fixture
def stocked(debrepo, tmp_path):
    paths = {
        "usr/bin/hello": b"",
        "usr/share/doc/hello/changelog.gz": gzip.compress(CHANGES),
    }
    files = tmp_path / "files"
    files.mkdir()
    build_deb(files, "hello", "1", paths=paths)
    build_deb(files, "fan", "1", fields={"Depends": "hello (>= 1), hello-data"})
    build_deb(files, "tail", "1", fields={"Suggests": "x | hello", "Breaks": "hello (<< 1)"})
    debrepo("repo", "create", "main")
    debrepo("repo", "add", "main", files)


def test_changelog_and_paths_are_printed(debrepo, stocked):
    assert debrepo("package", "changelog", "hello").stdout == CHANGES.decode()
    expected = "usr/bin/hello\nusr/share/doc/hello/changelog.gz\n"
    assert debrepo("package", "paths", "hello").stdout == expected
    debrepo("package", "paths", "nothing", exit_code=3)


def test_dependents_are_printed_with_their_relations(debrepo, stocked):
    assert debrepo("package", "dependents", "hello").stdout == (
        "fan_1_amd64  Depends: hello (>= 1)\n"
        "tail_1_amd64  Suggests: x | hello\n"
        "tail_1_amd64  Breaks: hello (<< 1)\n"
    )
    (first, *_) = json.loads(debrepo("package", "dependents", "hello-data", "--json").stdout)
    assert first["relation"] == "hello-data"


def test_pages_are_counted_from_one(session, stocked):
    first = session.call("package.page", of="repo:main", size=2)
    assert ([one.key.name for one in first.packages], first.page) == (["fan", "hello"], 1)
    last = session.call("package.page", of="repo:main", size=2, page=9)
    assert ([one.key.name for one in last.packages], last.page, last.matching) == (["tail"], 2, 3)
    found = session.call("package.page", query="Name (~ a)", size=1, page=2)
    assert ([one.key.name for one in found.packages], found.matching) == (["tail"], 2)
    assert session.call("package.page", query="nothing").page == 1


@pytest.mark.parametrize("given", [{"page": 0}, {"page": -1}, {"size": 0}, {"size": 1001}])
def test_numbers_that_make_no_page_are_refused(session, stocked, given):
    with pytest.raises(InvalidInput, match=f"{next(iter(given))}: "):
        session.call("package.page", **given)


@pytest.mark.parametrize("size", [-1, 1001])
def test_dependents_are_not_returned_in_impossible_numbers(session, stocked, size):
    with pytest.raises(InvalidInput, match="size: "):
        session.call("package.dependents", name="hello", size=size)


def test_page_of_a_list_that_is_not_there_is_not_found(session, stocked):
    with pytest.raises(NotFound, match="no repository called none"):
        session.call("package.page", of="repo:none")


@pytest.fixture
def unread(session, stocked):
    """A package whose paths have not been read."""
    (found,) = session.call("package.search", queries=["hello"])
    with session.db.write() as txn:
        del txn[CONTENTS][found.key.entry]
    return str(found.key)


def test_paths_that_were_not_read_before_are_read_now(session, unread):
    expected = ["usr/bin/hello", "usr/share/doc/hello/changelog.gz"]
    assert session.call("package.paths", query=unread) == expected


@pytest.mark.parametrize("operation", ["package.changelog", "package.paths"])
def test_large_packages_are_not_unpacked_for_one_reader(session, unread, monkeypatch, operation):
    monkeypatch.setattr(inside, "LARGEST", 10)
    with pytest.raises(InvalidPackage, match="more than are unpacked"):
        session.call(operation, query=unread)


@pytest.mark.parametrize("operation", ["package.changelog", "package.paths"])
def test_damaged_package_is_an_error_of_its_reader_alone(session, unread, operation):
    (shown,) = session.call("package.show", text=unread, with_files=True)
    shown.files[0].chmod(0o644)
    shown.files[0].write_bytes(b"no package")
    with pytest.raises(InvalidPackage):
        session.call(operation, query=unread)
