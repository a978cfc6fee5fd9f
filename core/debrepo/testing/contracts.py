"""What every implementation of a core interface must do, as tests to inherit."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from debrepo.errors import Conflict, InvalidInput, NotFound
from debrepo.storage import PoolLink
from debrepo.testing.commit_contract import CommitContract
from debrepo.testing.crash_contract import CrashContract
from debrepo.testing.large import assert_same
from debrepo.testing.sharing_contract import SharingContract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from debrepo.storage import Storage

ODD_NAMES = (
    "pool/main/g/g++/g++_4%3a12.2.0-3+b1~bpo12_amd64.deb",
    "pool/main/a/a:b@c=d/e,f;g&h?i#j.deb",
    "pool/with space/and 'quotes'/(brackets) [square] {curly}.deb",
    "pool/ünïcode/日本語/Ω.deb",
    "dists/-dash/a.dot/a..twodots/~tilde/$HOME/*",
    "pool/main/" + "n" * 200,
    "/".join(["deep"] * 30) + "/file",
)
ESCAPES = ("", "/etc/x", "../x", "a/../../x", "a//b", "./x", "a/", "a\0b", "a/..", "a\nb")


class StorageContract(CommitContract, CrashContract, SharingContract):
    """Subclass in a test module, override ``storage``, and pytest collects the rest.

    The storage has to be empty. Override ``reopen`` as well where a second process or
    machine can publish to the same place.
    """

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage | Iterator[Storage]:
        """Return an empty storage."""
        raise NotImplementedError("override the storage fixture")

    @pytest.fixture
    def reopen(self, storage: Storage) -> Callable[[], Storage]:
        """Return a function that opens the same place once more."""
        return lambda: storage

    @pytest.fixture
    def pool_file(self, tmp_path: Path) -> Callable[[str, bytes], PoolLink]:
        """Return a function that puts a file into a pool and says where to publish it."""

        def make(path: str, data: bytes) -> PoolLink:
            digest = hashlib.sha256(data).hexdigest()
            source = tmp_path / "pool" / digest
            source.parent.mkdir(exist_ok=True)
            if not source.exists():  # it may be on its way already
                source.write_bytes(data)
            return PoolLink(path, source, len(data), digest)

        return make

    def test_a_new_storage_is_empty(self, storage: Storage) -> None:
        assert list(storage.list()) == []

    def test_put_is_seen(self, storage: Storage) -> None:
        storage.put("dists/stable/Release", b"Suite: stable\n")
        assert storage.get("dists/stable/Release") == b"Suite: stable\n"
        assert list(storage.list()) == ["dists/stable/Release"]

    def test_put_replaces(self, storage: Storage) -> None:
        storage.put("dists/stable/Release", b"old, and longer")
        storage.put("dists/stable/Release", b"new", cache="volatile")
        assert storage.get("dists/stable/Release") == b"new"

    def test_put_takes_an_immutable_file(self, storage: Storage) -> None:
        path = "dists/stable/main/binary-amd64/by-hash/SHA256/" + "0" * 64
        storage.put(path, b"Package: a\n", cache="immutable")
        assert storage.get(path) == b"Package: a\n"

    def test_what_was_written_is_seen_from_elsewhere(
        self, storage: Storage, reopen: Callable[[], Storage]
    ) -> None:
        other = reopen()
        storage.put("dists/stable/Release", b"1")
        assert other.get("dists/stable/Release") == b"1"
        other.put("dists/stable/Release", b"2")
        assert storage.get("dists/stable/Release") == b"2"

    def test_get_of_a_missing_file_is_not_found(self, storage: Storage) -> None:
        with pytest.raises(NotFound, match="dists/stable/Release"):
            storage.get("dists/stable/Release")
        with pytest.raises(NotFound, match="dists/stable/Release"):
            list(storage.pieces("dists/stable/Release"))

    def test_stat_knows_the_size(self, storage: Storage) -> None:
        storage.put("dists/stable/Release", b"12345")
        found = storage.stat("dists/stable/Release")
        assert found is not None
        assert found.size == 5

    def test_stat_of_a_missing_file_is_none(self, storage: Storage) -> None:
        assert storage.stat("dists/stable/Release") is None

    def test_stat_of_a_directory_is_none(self, storage: Storage) -> None:
        storage.put("dists/stable/Release", b"")
        assert storage.stat("dists/stable") is None

    def test_many_are_looked_for_at_once(self, storage: Storage) -> None:
        there = {f"dists/{n:03}/Release": n for n in range(0, 240, 2)}
        for path, size in there.items():
            storage.put(path, b"1" * size)
        wanted = [f"dists/{n:03}/Release" for n in range(240)]
        found = {path: found and found.size for path, found in storage.stat_all(wanted)}
        assert found == {path: there.get(path) for path in wanted}
        assert dict(storage.stat_all([])) == {}

    def test_many_checksums_are_told_at_once(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        contents = {f"pool/{n:03}.deb": b"%d" % n * n for n in range(40)}
        storage.link_all(pool_file(path, data) for path, data in contents.items())
        wanted = {path: hashlib.sha256(data).hexdigest() for path, data in contents.items()}
        assert dict(storage.sha256_all([*contents, "pool/none"])) == {**wanted, "pool/none": ""}
        assert dict(storage.sha256_all([])) == {}

    def test_an_empty_file_is_a_file(self, storage: Storage) -> None:
        storage.put("dists/stable/main/Contents-all", b"")
        assert storage.get("dists/stable/main/Contents-all") == b""
        assert _size(storage, "dists/stable/main/Contents-all") == 0

    def test_a_large_file_arrives_whole(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        data = bytes(range(251)) * (8 * 1024 * 1024 // 251 + 1)
        storage.link(pool_file("pool/large.deb", data))
        storage.put("dists/large", data)
        assert _size(storage, "pool/large.deb") == _size(storage, "dists/large") == len(data)
        assert_same(storage.get("pool/large.deb"), data)
        assert_same(b"".join(storage.pieces("pool/large.deb")), data)
        assert storage.sha256("pool/large.deb") == hashlib.sha256(data).hexdigest()

    def test_link_is_seen_like_a_put(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        storage.link(pool_file("pool/main/h/hello/hello_1.0_amd64.deb", b"hello"))
        assert list(storage.list("pool")) == ["pool/main/h/hello/hello_1.0_amd64.deb"]
        assert storage.get("pool/main/h/hello/hello_1.0_amd64.deb") == b"hello"

    def test_link_twice_is_fine(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        file = pool_file("pool/main/h/hello/hello_1.0_amd64.deb", b"hello")
        storage.link(file)
        storage.link(file)
        assert storage.get(file.path) == b"hello"

    def test_one_package_file_may_have_several_paths(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        storage.link(pool_file("one/pool/a.deb", b"a"))
        storage.link(pool_file("two/pool/a.deb", b"a"))
        storage.delete(["one/pool/a.deb"])
        assert storage.get("two/pool/a.deb") == b"a"

    def test_link_leaves_a_file_of_that_size_alone(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        storage.link(pool_file("pool/a.deb", b"first"))
        storage.link(pool_file("pool/a.deb", b"other"))
        assert storage.get("pool/a.deb") == b"first"

    def test_link_refuses_to_replace_a_file_of_another_size(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        storage.link(pool_file("pool/a.deb", b"first"))
        with pytest.raises(Conflict, match=r"pool/a\.deb"):
            storage.link(pool_file("pool/a.deb", b"something else"))
        assert storage.get("pool/a.deb") == b"first"

    def test_deleting_a_linked_file_leaves_the_pool_alone(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        file = pool_file("pool/a.deb", b"a")
        storage.link(file)
        storage.delete([file.path])
        assert file.source.read_bytes() == b"a"

    def test_putting_over_a_linked_file_leaves_the_pool_alone(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        file = pool_file("pool/a.deb", b"a")
        storage.link(file)
        storage.put(file.path, b"b")
        assert file.source.read_bytes() == b"a"

    def test_link_all_links_all(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        files = [pool_file(f"pool/{n % 7}/{n:03}.deb", b"%d" % n) for n in range(60)]
        storage.link_all(files)
        assert list(storage.list("pool")) == sorted(file.path for file in files)
        assert storage.get("pool/3/059.deb") == b"59"

    def test_link_all_says_what_is_in_the_way(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        storage.link(pool_file("pool/7.deb", b"first"))
        with pytest.raises(Conflict, match=r"pool/7\.deb"):
            storage.link_all(pool_file(f"pool/{n}.deb", b"other file") for n in range(10))

    def test_delete_takes_many(self, storage: Storage) -> None:
        for n in range(20):
            storage.put(f"pool/{n % 3}/{n:02}", b"")
        storage.delete(f"pool/{n % 3}/{n:02}" for n in range(1, 20))
        assert list(storage.list()) == ["pool/0/00"]

    def test_delete_of_a_missing_file_is_no_error(self, storage: Storage) -> None:
        storage.put("pool/a/b", b"")
        storage.delete(["pool/a/b", "pool/a/b", "pool/a/c", "nowhere/at/all"])
        assert list(storage.list()) == []

    def test_delete_leaves_the_neighbours(self, storage: Storage) -> None:
        for path in ("pool/a", "pool/ab", "pool/b/a"):
            storage.put(path, b"")
        storage.delete(["pool/a"])
        assert list(storage.list()) == ["pool/ab", "pool/b/a"]

    def test_deleted_paths_can_be_used_again(self, storage: Storage) -> None:
        storage.put("dists/a/b", b"1")
        storage.delete(["dists/a/b"])
        storage.put("dists/a/b", b"2")
        assert storage.get("dists/a/b") == b"2"

    def test_list_is_sorted(self, storage: Storage) -> None:
        paths = ["pool/b", "pool/a/z", "pool/a-b", "pool/a", "dists/B", "dists/é", "pool/a.b/c"]
        paths.remove("pool/a")  # it is a directory
        for path in paths:
            storage.put(path, b"")
        assert list(storage.list()) == sorted(paths)

    def test_list_ends_at_the_border_of_a_directory(self, storage: Storage) -> None:
        for path in ("dists/stable/Release", "dists/stable-updates/Release", "distsx"):
            storage.put(path, b"")
        assert list(storage.list("dists/stable")) == ["dists/stable/Release"]
        assert len(list(storage.list("dists"))) == 2

    def test_list_below_a_missing_directory_is_empty(self, storage: Storage) -> None:
        storage.put("dists/stable/Release", b"")
        assert list(storage.list("pool")) == []

    @pytest.mark.parametrize("path", ODD_NAMES)
    def test_odd_names_survive(
        self, storage: Storage, path: str, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        storage.put(path, b"1")
        storage.link(pool_file("linked/" + path, b"22"))
        assert storage.get(path) == b"1"
        assert _size(storage, "linked/" + path) == 2
        assert list(storage.list()) == sorted([path, "linked/" + path])
        assert list(storage.list(path.rpartition("/")[0])) == [path]
        storage.delete([path, "linked/" + path])
        assert list(storage.list()) == []

    @pytest.mark.parametrize("path", ESCAPES)
    def test_paths_that_could_escape_are_refused(
        self, storage: Storage, path: str, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        for attempt in (
            lambda: storage.put(path, b""),
            lambda: storage.get(path),
            lambda: storage.stat(path),
            lambda: storage.delete([path]),
            lambda: storage.link(pool_file(path, b"")),
            lambda: storage.link_all([pool_file(path, b"")]),
            lambda: storage.commit(path, b"", expected=None),
        ):
            with pytest.raises(InvalidInput, match="not a path"):
                attempt()

    def test_readers_see_the_old_file_or_the_new_one(
        self, storage: Storage, reopen: Callable[[], Storage]
    ) -> None:
        states = [bytes([65 + n]) * (50_000 + n) for n in range(6)]
        storage.put("dists/stable/Release", states[0])
        seen: set[bytes] = set()
        done = threading.Event()

        def read() -> None:
            reader = reopen()
            while not done.is_set():
                seen.add(reader.get("dists/stable/Release"))

        with ThreadPoolExecutor(2) as threads:
            readers = [threads.submit(read) for _ in range(2)]
            for turn in range(30):
                storage.put("dists/stable/Release", states[turn % len(states)])
            done.set()
            for reader in readers:
                reader.result()
        assert seen <= set(states)

    def test_writers_on_different_paths_do_not_meet(
        self, storage: Storage, reopen: Callable[[], Storage]
    ) -> None:
        def write(number: int) -> None:
            handle = reopen()
            for turn in range(10):
                handle.put(f"dists/{turn}/by-hash/{number}", b"%d" % number)
                handle.put(f"passing/{turn}/{number}", b"")
                handle.delete([f"passing/{turn}/{number}"])

        with ThreadPoolExecutor(6) as threads:
            list(threads.map(write, range(6)))
        assert len(list(storage.list("dists"))) == 60
        assert storage.get("dists/9/by-hash/5") == b"5"
        assert list(storage.list("passing")) == []

    def test_what_is_only_half_there_is_not_listed(
        self, storage: Storage, reopen: Callable[[], Storage]
    ) -> None:
        expected = {f"dists/stable/{n}" for n in range(3)}
        done = threading.Event()

        def write() -> None:
            for turn in range(15):
                storage.put(f"dists/stable/{turn % 3}", b"x" * 300_000)
            done.set()

        lister = reopen()
        with ThreadPoolExecutor(1) as threads:
            writer = threads.submit(write)
            while not done.is_set() and not writer.done():
                assert set(lister.list()) <= expected
            writer.result()

    def test_flush_is_harmless_at_any_time(self, storage: Storage) -> None:
        storage.flush()
        storage.put("dists/stable/Release", b"1")
        storage.flush()
        storage.flush()
        assert storage.get("dists/stable/Release") == b"1"


def _size(storage: Storage, path: str) -> int | None:
    found = storage.stat(path)
    return found.size if found else None
