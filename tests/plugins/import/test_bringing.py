"""What is common to all imports: packages come with their files, and lists with what has come."""

import os
import shutil
from tempfile import TemporaryDirectory

import pytest

from debrepo import packageset
from debrepo.archive import read
from debrepo.catalog import CHUNKS
from debrepo.errors import InvalidInput
from debrepo.testing.packages import build_deb
from debrepo_import import lists, packages
from debrepo_import.foreign import ForeignList, ForeignPackage

SOURCE = "test:here"


@pytest.fixture
def offered(tmp_path):
    paths = [build_deb(tmp_path, name, "1.0") for name in ("hello", "other")]
    found = [ForeignPackage(read(path).package, (str(path),)) for path in paths]
    return {one.package.key.entry: one for one in found}


def bring(session, offered, way="copy"):
    with session.pool.reserving() as pool:
        return packages.bring(
            session, pool, SOURCE, offered, lambda some: (offered[one] for one in some), way
        )


def put(session, final, **changed):
    given = {"kind": "repo", "name": "tools", "entries": tuple(final), "properties": {}}
    return lists.put(session, SOURCE, ForeignList(**{**given, "state": "1", **changed}), final)


def test_packages_come_with_their_files_and_are_kept_until_lists_have_them(session, offered):
    brought = bring(session, offered)
    assert brought.final == {entry: entry for entry in offered}
    assert (brought.packages, brought.files, brought.remarks) == (2, 2, [])
    session.call("db.cleanup", trash=False)
    assert put(session, brought.final).outcome == "created"
    with session.db.write() as txn:
        packages.settle(txn, SOURCE)
    assert session.call("db.cleanup", trash=False).packages == 0
    assert session.call("repo.show", name="tools").size == 2
    assert session.call("db.check") == []


def test_what_is_here_is_not_read_again(session, offered):
    bring(session, offered)
    with session.pool.reserving() as pool:
        again = packages.bring(session, pool, SOURCE, offered, lambda _: pytest.fail("read"))
    assert again.final.keys() == offered.keys()
    assert again.packages == 0


def test_a_link_is_the_same_file_and_what_nobody_may_read_is_copied(session, offered):
    first, second = (one.paths[0] for one in offered.values())
    os.chmod(second, 0o600)
    bring(session, offered, "link")
    digests = [one.package.files[0].sha256 for one in offered.values()]
    assert session.pool.path(digests[0]).samefile(first)
    assert not session.pool.path(digests[1]).samefile(second)


@pytest.mark.parametrize("way", ["link", "reflink"])
def test_another_file_system_is_an_error_that_says_so(session, offered, way):
    if os.stat("/dev/shm").st_dev == os.stat(session.root.parent).st_dev:
        pytest.skip("there is no other file system")
    with TemporaryDirectory(dir="/dev/shm") as memory:
        for entry, one in offered.items():
            offered[entry] = one._replace(paths=(shutil.copy(one.paths[0], memory),))
        with pytest.raises(InvalidInput, match=r"link|share"):
            bring(session, offered, way)


@pytest.mark.parametrize(
    ("break_", "why", "text"),
    [
        (os.unlink, "missing", "is not there"),
        (lambda path: os.truncate(path, 10), "damaged", "has 10 bytes"),
        (lambda path: _flip(path), "damaged", "checksum"),
        (lambda path: (os.unlink(path), os.mkdir(path)), "damaged", "is not a file"),
        (lambda path: (os.unlink(path), os.mkfifo(path)), "damaged", "is not a file"),
    ],
)
def test_a_file_that_is_not_what_is_recorded_is_named_and_the_others_come(
    session, offered, break_, why, text
):
    first, *others = offered
    break_(offered[first].paths[0])
    brought = bring(session, offered)
    assert list(brought.final) == others
    (remark,) = brought.remarks
    assert remark.why == why
    assert "package hello_1.0_amd64" in str(remark)
    assert text in remark.text


def _flip(path):
    with open(path, "r+b") as file:
        file.seek(100)
        file.write(b"\xff")


def test_a_list_of_the_same_name_that_was_here_before_stays(session, offered):
    session.call("repo.create", name="tools")
    (remark,) = put(session, bring(session, offered).final).remarks
    assert (remark.why, remark.text) == ("taken", "there is another one of this name")


def test_a_list_that_was_changed_here_stays(session, offered):
    final = bring(session, offered).final
    put(session, final)
    session.call("repo.remove", name="tools", queries=["hello"])
    (remark,) = put(session, final, state="2").remarks
    assert (remark.why, remark.text) == ("taken", "it has been changed here since")
    assert session.call("repo.show", name="tools").size == 1


def test_a_list_follows_the_other_tool(session, offered):
    first, second = bring(session, offered).final
    put(session, {first: first})
    assert put(session, {second: second}, state="2").outcome == "changed"
    assert put(session, {second: second}, state="2").outcome == "unchanged"
    with session.db.read() as txn:
        (found,) = lists.existing(session, txn).values()
        assert list(packageset.entries(txn[CHUNKS], found.set_id)) == [second]


def test_a_name_that_no_list_can_have_is_named(session):
    (remark,) = put(session, {}, name="a/b").remarks
    assert str(remark) == "refused: repo a/b: 'a/b' cannot be a name"


def test_an_unknown_kind_is_named(session):
    (remark,) = put(session, {}, kind="shelf").remarks
    assert remark.text == "no plugin keeps lists of the kind shelf"
