"""The file system as a storage."""

import os
import threading
from pathlib import Path

import pytest

from debrepo.errors import Conflict, DatabaseFull, InvalidInput, NotFound, RemoteError
from debrepo.storage import PoolLink
from debrepo.testing import StorageContract
from debrepo_publish_fs import partial as partials
from debrepo_publish_fs.storage import FileStorage


class TestFileStorage(StorageContract):
    @pytest.fixture(params=["hardlink", "symlink", "copy", "reflink"])
    def storage(self, tmp_path, request):
        return FileStorage(tmp_path / "public", request.param)

    @pytest.fixture
    def reopen(self, storage):
        return lambda: FileStorage(storage.root, storage._method)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "public"


@pytest.fixture
def storage(root):
    return FileStorage(root)


@pytest.fixture
def hello(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"hello")
    os.utime(source, (1_000_000_000, 1_000_000_000))
    return PoolLink("pool/h/hello.deb", source, 5, "")


def leave_partial(directory, *, age):
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{partials.PREFIX}00"
    path.write_bytes(b"half")
    os.utime(path, (path.stat().st_mtime - age,) * 2)
    return path


def test_a_hard_link_shares_the_file_of_the_pool(storage, root, hello):
    storage.link(hello)
    assert (root / hello.path).samefile(hello.source)
    assert not (root / hello.path).is_symlink()


def test_a_symlink_leads_to_the_pool(root, hello):
    FileStorage(root, "symlink").link(hello)
    assert (root / hello.path).readlink() == hello.source


def test_a_symlink_that_leads_nowhere_is_made_anew(root, hello):
    (root / "pool/h").mkdir(parents=True)
    (root / hello.path).symlink_to("/nowhere")
    FileStorage(root, "symlink").link(hello)
    assert (root / hello.path).read_bytes() == b"hello"


@pytest.mark.parametrize("method", ["copy", "reflink"])
def test_a_copy_is_a_file_of_its_own_with_the_time_of_the_original(root, hello, method):
    FileStorage(root, method).link(hello)
    assert not (root / hello.path).samefile(hello.source)
    assert (root / hello.path).stat().st_mtime == 1_000_000_000


def test_where_no_hard_link_can_be_made_a_copy_is(storage, root, hello, monkeypatch):
    def refuse(source, target):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    storage.link(hello)
    assert (root / hello.path).read_bytes() == b"hello"


@pytest.mark.parametrize("method", ["hardlink", "symlink", "copy"])
def test_a_file_emptied_by_a_power_failure_is_made_anew(root, hello, method):
    (root / "pool/h").mkdir(parents=True)
    (root / hello.path).touch()
    FileStorage(root, method).link(hello)
    assert (root / hello.path).read_bytes() == b"hello"


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second file system")
def test_a_hard_link_to_another_file_system_is_a_copy(storage, root, hello):
    source = Path("/dev/shm") / f"debrepo-test-{os.getpid()}"
    source.write_bytes(b"hello")
    try:
        storage.link(hello._replace(location=source))
    finally:
        source.unlink()
    assert (root / hello.path).read_bytes() == b"hello"


def test_a_copy_of_the_wrong_size_is_not_published(root, hello):
    with pytest.raises(InvalidInput, match="has 5 bytes instead of 6"):
        FileStorage(root, "copy").link(hello._replace(size=6))
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_a_file_missing_from_the_pool_is_named(storage, tmp_path, hello):
    with pytest.raises(NotFound, match="no-such-file"):
        storage.link(hello._replace(location=tmp_path / "no-such-file"))


@pytest.fixture
def strict_umask():
    before = os.umask(0o077)
    yield
    os.umask(before)


def modes(root):
    return {oct(path.stat().st_mode & 0o7777) for path in (root, *root.rglob("*"))}


@pytest.mark.parametrize("method", ["hardlink", "copy"])
@pytest.mark.parametrize(
    ("mode", "seen"), [(0o644, {"0o644", "0o755"}), (0o640, {"0o640", "0o750"})]
)
def test_everything_that_is_published_has_the_configured_modes(
    root, hello, mode, seen, method, strict_umask
):
    hello.source.chmod(mode)
    storage = FileStorage(root, method, mode)
    storage.link(hello)
    storage.put("dists/main/by-hash/1", b"one", cache="immutable")
    same = {"dists/main/Packages": "dists/main/by-hash/1"}
    files = {"dists/main/Packages": b"one", "dists/Release": b"two"}
    with storage.prepared(files, same):
        assert modes(root) == seen
        for path, data in files.items():
            storage.put(path, data)
    storage.commit("dists/InRelease", b"three", expected=None)
    assert modes(root) == seen


def test_directories_keep_the_group_that_they_inherit(root, strict_umask):
    root.mkdir()
    root.chmod(0o2755)
    FileStorage(root).put("dists/a", b"")
    assert (root / "dists").stat().st_mode & 0o7777 == 0o2755


@pytest.mark.parametrize("mode", ["rw-r--r--", "0844", "0", "0244", 644.5])
def test_an_odd_mode_is_refused(tmp_path, mode):
    with pytest.raises(InvalidInput, match=r"storage\.fs\.www\.mode is "):
        FileStorage.open("www", {"root": "www", "mode": mode}, tmp_path)


def test_what_is_prepared_is_not_seen_before_it_is_put(storage, root):
    storage.put("dists/Packages", b"old")
    files = {"dists/Packages": b"new", "dists/Release": b"new"}
    with storage.prepared(files, {}):
        assert storage.get("dists/Packages") == b"old"
        assert list(storage.list()) == ["dists/Packages"]
        storage.put("dists/Packages", b"new")
        assert storage.get("dists/Packages") == b"new"
    assert [path.name for path in (root / "dists").iterdir()] == ["Packages"]


def test_a_name_shares_the_bytes_of_its_immutable_file(storage, root):
    storage.put("dists/by-hash/1", b"one", cache="immutable")
    with storage.prepared({"dists/Packages": b"one"}, {"dists/Packages": "dists/by-hash/1"}):
        storage.put("dists/Packages", b"one")
    assert (root / "dists/Packages").samefile(root / "dists/by-hash/1")
    with storage.prepared({"dists/Packages": b"one"}, {"dists/Packages": "dists/by-hash/1"}):
        storage.put("dists/Packages", b"one")
    assert [path.name for path in (root / "dists").glob("*P*")] == ["Packages"]
    assert not list(root.rglob(f"{partials.PREFIX}*"))


def test_an_older_immutable_file_does_not_give_its_name_an_older_date(storage, root):
    storage.put("dists/by-hash/1", b"one", cache="immutable")
    os.utime(root / "dists/by-hash/1", (1_000_000_000,) * 2)
    storage.put("dists/Packages", b"two")
    before = int((root / "dists/Packages").stat().st_mtime)
    with storage.prepared({"dists/Packages": b"one"}, {"dists/Packages": "dists/by-hash/1"}):
        storage.put("dists/Packages", b"one")
    assert storage.get("dists/Packages") == b"one"
    assert int((root / "dists/Packages").stat().st_mtime) > before


def test_what_was_prepared_and_swept_is_written_once_more(storage, root):
    with storage.prepared({"dists/Packages": b"one"}, {}):
        for left in root.rglob(f"{partials.PREFIX}*"):
            left.unlink()
        storage.put("dists/Packages", b"one")
    assert storage.get("dists/Packages") == b"one"


def test_other_bytes_than_those_prepared_are_put_all_the_same(storage, root):
    with storage.prepared({"dists/Packages": b"one"}, {}):
        storage.put("dists/Packages", b"two")
    assert storage.get("dists/Packages") == b"two"
    assert [path.name for path in (root / "dists").iterdir()] == ["Packages"]


def test_a_commit_under_a_lock_trusts_what_was_read_under_it(storage, root):
    storage.put("dists/InRelease", b"1")
    with storage.exclusive("dists/InRelease"):
        assert storage.get("dists/InRelease") == b"1"
        storage.commit("dists/InRelease", b"2", expected=b"1")
        with pytest.raises(Conflict):
            storage.commit("dists/InRelease", b"3", expected=b"1")
    assert storage.get("dists/InRelease") == b"2"


def test_a_directory_that_others_deleted_is_made_again(storage, root, hello):
    storage.link(hello)
    FileStorage(root).delete([hello.path])
    assert not (root / "pool").exists()
    storage.link(hello)
    assert (root / hello.path).exists()


def test_the_root_stays_when_the_last_file_goes(storage, root):
    storage.put("a/b", b"")
    storage.delete(["a/b"])
    assert list(root.iterdir()) == []


def test_a_file_may_take_the_place_of_an_emptied_directory(storage):
    storage.put("dists/a/b/c", b"")
    storage.delete(["dists/a/b/c"])
    storage.put("dists/a", b"file")
    assert list(storage.list()) == ["dists/a"]


def test_hidden_names_are_names(storage):
    storage.put("dists/.hidden/..too", b"")
    assert list(storage.list()) == ["dists/.hidden/..too"]


def test_a_directory_holding_somebody_elses_file_stays(storage, root):
    storage.put("a/b", b"")
    (root / "a/theirs").touch()
    storage.delete(["a/b"])
    assert (root / "a/theirs").exists()


@pytest.mark.parametrize("method", ["hardlink", "symlink", "copy"])
def test_no_write_follows_a_symlink_out_of_the_tree(root, tmp_path, hello, method):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "hello.deb").write_text("theirs")
    (root / "pool").mkdir(parents=True)
    (root / "pool/h").symlink_to(outside)
    storage = FileStorage(root, method)
    with pytest.raises(InvalidInput, match="is a symlink"):
        storage.link(hello)
    with pytest.raises(InvalidInput, match="is a symlink"):
        storage.put("pool/h/deeper/x", b"")
    with pytest.raises(InvalidInput, match="is a symlink"):
        storage.delete(["pool/h/hello.deb"])
    assert [path.name for path in outside.iterdir()] == ["hello.deb"]


def test_put_replaces_a_symlink_and_not_what_it_leads_to(storage, root, tmp_path):
    (tmp_path / "theirs").write_text("theirs")
    root.mkdir()
    (root / "Release").symlink_to(tmp_path / "theirs")
    storage.put("Release", b"ours")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert (root / "Release").read_bytes() == b"ours"


def test_what_a_crash_left_is_not_listed_and_gets_swept(storage, root):
    left = leave_partial(root / "dists", age=60)
    assert list(storage.list()) == []
    storage.put("dists/Release", b"")
    assert not left.exists()


def test_what_another_process_is_writing_is_not_swept(storage, root):
    root.mkdir()
    with partials.partial(str(root), 0o644) as (_, path):
        os.utime(path, (0, 0))
        storage.put("Release", b"")
        assert Path(path).exists()


def test_a_partial_file_just_made_is_not_swept(storage, root):
    left = leave_partial(root, age=0)
    storage.put("Release", b"")
    assert left.exists()


def test_a_failed_put_leaves_nothing(storage, root, monkeypatch):
    def fail(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("debrepo_publish_fs.storage.write_all", fail)
    with pytest.raises(DatabaseFull) as caught:
        storage.put("dists/Release", b"x")
    assert str(caught.value) == "cannot publish dists/Release: No space left on device"
    assert list((root / "dists").iterdir()) == []


def test_a_file_where_a_directory_has_to_be_is_named(storage, root):
    storage.put("dists", b"")
    with pytest.raises(InvalidInput, match="dists is a file where a directory has to be"):
        storage.put("dists/stable/Release", b"")


def test_a_name_too_long_for_the_file_system_is_the_callers_fault(storage):
    with pytest.raises(InvalidInput, match="File name too long"):
        storage.put("n" * 300, b"")


def test_links_and_deletions_do_not_disturb_each_other(root, hello):
    def work(number):
        storage = FileStorage(root)
        for turn in range(50):
            path = f"pool/{turn % 3}/a/{number}"
            storage.link(hello._replace(path=path))
            storage.delete([path])

    failures = []
    threads = [threading.Thread(target=lambda n=n: _note(failures, work, n)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(root.iterdir()) == []


def _note(failures, work, number):
    try:
        work(number)
    except Exception as error:
        failures.append(error)


def test_the_default_endpoint_is_public_below_debrepos_root(tmp_path):
    storage = FileStorage.open("", {"root": "", "link": "hardlink"}, tmp_path)
    assert storage.root == tmp_path / "public"


def test_a_relative_root_is_relative_to_debrepos_root(tmp_path):
    assert FileStorage.open("www", {"root": "www"}, tmp_path).root == tmp_path / "www"
    assert FileStorage.open("www", {"root": "/srv"}, tmp_path).root == Path("/srv")


def test_a_named_endpoint_needs_a_root(tmp_path):
    with pytest.raises(InvalidInput, match="storage fs:www has no root"):
        FileStorage.open("www", {"root": "", "link": "hardlink"}, tmp_path)


def test_an_unknown_way_to_link_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"storage\.fs\.www\.link is 'magic'"):
        FileStorage.open("www", {"root": "www", "link": "magic"}, tmp_path)


def test_a_conflict_says_where_the_file_is(storage, root, hello):
    storage.link(hello)
    with pytest.raises(Conflict, match=r"5 bytes, not 6") as caught:
        storage.link(hello._replace(size=6))
    assert str(root / hello.path) in caught.value.hint


def test_what_is_replaced_within_a_second_has_a_later_date_all_the_same(storage, root):
    seconds = []
    for number in range(3):
        storage.put("dists/stable/InRelease", b"%d" % number)
        seconds.append(int((root / "dists/stable/InRelease").stat().st_mtime))
    assert seconds == sorted(set(seconds))


def test_directory_that_cannot_be_listed_is_named(storage, root):
    root.mkdir()
    (root / "loop").symlink_to("loop")  # as one that others may not read, for root too
    with pytest.raises(RemoteError, match=r"cannot list .*/public/loop: "):
        list(storage.list("loop"))
