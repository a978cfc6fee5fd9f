"""Nodes that share a database keep package files where each of them finds them."""

import shutil
import threading

import pytest

from debrepo.database.environment import Environment
from debrepo.errors import Conflict, DebrepoError
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.packages import build_deb
from debrepo_admin.checks import problems
from debrepo_pool import keeping
from debrepo_pool.tables import DELETING, MOVED, UNWANTED

pytestmark = pytest.mark.lmdb

ENDPOINT = b"fs:far"


@pytest.fixture
def far(tmp_path):
    return tmp_path / "far"


@pytest.fixture
def nodes(tmp_path, far, monkeypatch):
    """Two roots with one database, which says that several machines share it."""
    monkeypatch.setattr(Environment, "shared", True)
    sessions = []
    for name in ("one", "two"):
        root = tmp_path / name
        root.mkdir()
        (root / "debrepo.toml").write_text(
            "[pool]\nstorage = 'fs:far:packages'\ncache = 0\n"
            f"[storage.fs.far]\nroot = '{far}'\nlink = 'copy'\n"
        )
        sessions.append(Session(root, load_plugins()))
    one, two = sessions
    one.call("repo.create", name="tools")
    vars(two)["_db"] = one.db
    yield sessions
    one.close()


def add(session, directory, name="hello"):
    directory.mkdir(exist_ok=True)
    paths = [build_deb(directory, name)]
    return [one.status for one in session.call("repo.add", name="tools", paths=paths)]


def there(far):
    return sorted(path.parent.name + path.name for path in far.glob("packages/*/*"))


def test_a_package_that_one_node_has_added_another_publishes(nodes, tmp_path, far):
    one, two = nodes
    assert add(one, tmp_path / "debs") == ["added"]
    assert there(far) == list(one.pool)
    shutil.rmtree(one.root / "pool")
    two.call(
        "publish.create",
        kind="repo",
        names=["tools"],
        distribution="stable",
        options={"skip_signing": True},
    )
    published = (two.root / "public").glob("pool/main/h/hello/*.deb")
    assert [path.name for path in published] == ["hello_1.0_amd64.deb"]
    assert list(problems(two, files=True)) == []


def test_nothing_is_added_whose_file_cannot_be_kept(nodes, tmp_path, far):
    one, _ = nodes
    far.write_text("a file where the storage should be")
    with pytest.raises(DebrepoError):
        add(one, tmp_path / "debs")
    far.unlink()
    assert one.call("repo.show", name="tools").size == 0
    assert add(one, tmp_path / "debs") == ["added"]
    assert len(there(far)) == 1


def removed(session, tmp_path):
    """Add a package, remove it, and return its file, which is to be deleted from the storage."""
    add(session, tmp_path / "debs")
    session.call("repo.remove", name="tools", queries=["hello"])
    session.call("db.cleanup", trash=False)
    with session.db.read() as txn:
        (key,) = txn[UNWANTED]
        assert key not in txn[MOVED]
    return key


def test_a_file_that_was_to_be_deleted_is_taken_back(nodes, tmp_path, far):
    one, two = nodes
    removed(one, tmp_path)
    assert add(two, tmp_path / "debs") == ["added"]
    assert one.call("pool.move").deleted == 0
    assert len(there(far)) == 1


def test_a_file_that_another_node_is_deleting_is_waited_for(nodes, tmp_path, far, monkeypatch):
    one, two = nodes
    key = removed(one, tmp_path)
    with one.db.write() as txn:
        txn[UNWANTED][key] = DELETING + ENDPOINT
    looked = threading.Event()
    monkeypatch.setattr(keeping.time, "sleep", lambda _: (looked.set(), moved.wait(30)))
    moved = threading.Event()

    def move():
        looked.wait(30)
        one.call("pool.move")
        moved.set()

    thread = threading.Thread(target=move)
    thread.start()
    assert add(two, tmp_path / "debs") == ["added"]
    thread.join()
    assert len(there(far)) == 1
    assert list(problems(two, files=True)) == []


def test_a_deletion_that_was_killed_is_done_by_the_next_node(nodes, tmp_path, far):
    one, two = nodes
    key = removed(one, tmp_path)
    with one.db.write() as txn:
        txn[UNWANTED][key] = DELETING + ENDPOINT
    assert two.call("pool.move").deleted == 1
    assert there(far) == []
    with one.db.read() as txn:
        assert list(txn[UNWANTED]) == []


def test_a_file_that_was_dropped_before_it_was_named_is_a_conflict(nodes, tmp_path):
    one, two = nodes
    add(one, tmp_path / "debs")
    (digest,) = one.pool
    record = keeping.keep(two, frozenset([digest]))
    one.call("repo.remove", name="tools", queries=["hello"])
    one.call("db.cleanup", trash=False)
    with pytest.raises(Conflict, match="another node deletes files"), two.db.write() as txn:
        record(txn)


def test_what_only_the_cache_of_a_node_has_left_is_not_put_again(nodes, tmp_path, far):
    one, two = nodes
    add(one, tmp_path / "debs")
    (digest,) = one.pool
    with (tmp_path / "debs/hello_1.0_amd64.deb").open("rb") as file:
        two.pool.put(digest, file.read())
    one.call("repo.remove", name="tools", queries=["hello"])
    one.call("db.cleanup", trash=False)
    assert one.call("pool.move").deleted == 1
    assert two.call("pool.move").files == 0
    assert there(far) == []


def test_files_of_a_root_that_moves_into_a_shared_database_are_put(nodes, tmp_path, far):
    one, _ = nodes
    add(one, tmp_path / "debs")
    with one.db.write() as txn:
        txn[MOVED].clear()
    shutil.rmtree(far)
    assert one.call("pool.move").files == 1
    assert len(there(far)) == 1
