"""Fencing: work that has lost a lease replaces nothing in a storage."""

import pytest

from debrepo import fencing
from debrepo.errors import LeaseLost
from debrepo.storage import PoolLink
from debrepo_publish_fs.storage import FileStorage


class Kept:
    """Leases that are held until they are lost."""

    lost = False

    def check(self):
        if self.lost:
            raise LeaseLost("publish . is in use by another node")


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def storage(tmp_path, kept):
    storage = FileStorage(tmp_path / "public")
    return fencing.guard(storage, kept.check, lambda: "all nodes")


def test_work_that_holds_its_leases_writes(storage):
    storage.put("dists/stable/Release", b"one")
    storage.commit("dists/stable/InRelease", b"two", expected=None)
    storage.delete(["dists/stable/Release"])
    assert list(storage.list()) == ["dists/stable/InRelease"]


@pytest.mark.parametrize(
    "write",
    [
        lambda one: one.put("a", b"late"),
        lambda one: one.put_all({"a": b"late"}, cache="volatile"),
        lambda one: one.share_all({"a": "b"}),
        lambda one: one.commit("a", b"late", expected=b"live"),
        lambda one: one.delete(["a"]),
        lambda one: one.link_directory("c", "b"),
        lambda one: one.unlink_directory("a"),
    ],
)
def test_work_that_has_lost_a_lease_replaces_and_deletes_nothing(storage, kept, write):
    storage.put("a", b"live")
    storage.put("b", b"live")
    kept.lost = True
    with pytest.raises(LeaseLost, match="another node"):
        write(storage)
    assert {path: storage.get(path) for path in storage.list()} == {"a": b"live", "b": b"live"}


def test_work_that_has_lost_a_lease_takes_no_lock(storage, kept):
    with storage.exclusive("dists/stable/InRelease"):
        pass
    kept.lost = True
    with pytest.raises(LeaseLost), storage.exclusive("dists/stable/InRelease"):
        pass


def test_all_that_share_a_database_lock_in_one_name(session):
    name = fencing.publisher(session.db)
    assert len(name) == 32
    assert fencing.publisher(session.db) == name


def test_package_files_that_nothing_names_yet_may_come_late(storage, kept, tmp_path):
    kept.lost = True
    file = tmp_path / "file"
    file.write_bytes(b"package")
    storage.link(PoolLink("pool/a.deb", file, 7, "00" * 32))
    assert storage.get("pool/a.deb") == b"package"
