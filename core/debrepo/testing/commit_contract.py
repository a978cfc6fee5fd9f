"""What a storage must do for publishers that share a place, as tests to inherit."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from debrepo.errors import Conflict
from debrepo.storage import Stat

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.storage import PoolLink, Storage


class CommitContract:
    """The part of `StorageContract` that is about replacing what somebody else may replace."""

    def test_the_first_commit_expects_no_file(self, storage: Storage) -> None:
        storage.commit("dists/stable/InRelease", b"1", expected=None)
        assert storage.get("dists/stable/InRelease") == b"1"

    def test_commit_replaces_what_it_expects(self, storage: Storage) -> None:
        storage.commit("dists/stable/InRelease", b"1", expected=None)
        storage.commit("dists/stable/InRelease", b"2", expected=b"1")
        assert storage.get("dists/stable/InRelease") == b"2"

    @pytest.mark.parametrize("expected", [None, b"", b"1", b"live "])
    def test_commit_refuses_to_replace_anything_else(
        self, storage: Storage, expected: bytes | None
    ) -> None:
        storage.put("dists/stable/InRelease", b"live")
        with pytest.raises(Conflict, match="dists/stable/InRelease"):
            storage.commit("dists/stable/InRelease", b"2", expected=expected)
        assert storage.get("dists/stable/InRelease") == b"live"

    def test_commit_refuses_when_the_file_has_gone(self, storage: Storage) -> None:
        with pytest.raises(Conflict, match="dists/stable/InRelease"):
            storage.commit("dists/stable/InRelease", b"2", expected=b"1")
        assert storage.stat("dists/stable/InRelease") is None

    def test_a_version_lets_one_replace_what_has_it(
        self, storage: Storage, reopen: Callable[[], Storage]
    ) -> None:
        first = storage.put("dists/stable/Release", b"1")
        if not first:
            pytest.skip("this storage returns no versions")
        second = reopen().replace("dists/stable/Release", b"2", version=first)
        with pytest.raises(Conflict, match="dists/stable/Release"):
            storage.replace("dists/stable/Release", b"3", version=first)
        assert storage.get("dists/stable/Release") == b"2"
        storage.delete(["dists/stable/Release"])
        with pytest.raises(Conflict, match="dists/stable/Release"):
            storage.replace("dists/stable/Release", b"3", version=second)

    def test_a_commit_returns_the_version_of_what_it_left(self, storage: Storage) -> None:
        version = storage.commit("dists/stable/InRelease", b"1", expected=None)
        if not version:
            pytest.skip("this storage returns no versions")
        storage.replace("dists/stable/InRelease", b"2", version=version)
        assert storage.get("dists/stable/InRelease") == b"2"

    def test_the_version_of_what_is_put_or_linked_is_the_one_that_stat_knows(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        if not storage.has_versions:
            pytest.skip("this storage returns no versions")
        made = storage.put_all({"dists/a": b"a", "dists/b": b"b"}, cache="immutable")
        made |= storage.link_all([pool_file("pool/a.deb", b"1"), pool_file("pool/b.deb", b"2")])
        assert made.keys() == {"dists/a", "dists/b", "pool/a.deb", "pool/b.deb"}
        assert dict(storage.stat_all(made)) == {path: Stat(1, made[path]) for path in made}

    def test_files_that_are_put_together_are_all_there(self, storage: Storage) -> None:
        files = {f"dists/by-hash/{number}": b"%d" % number for number in range(10)}
        storage.put_all(files, cache="immutable")
        assert {path: storage.get(path) for path in storage.list()} == files

    def test_what_is_prepared_takes_effect_when_it_is_put(self, storage: Storage) -> None:
        storage.put("dists/stable/Packages", b"old")
        storage.put("dists/stable/by-hash/1", b"new", cache="immutable")
        files = {f"dists/stable/{name}": b"new" for name in ("Packages", "Contents", "InRelease")}
        with storage.prepared(files, {"dists/stable/Packages": "dists/stable/by-hash/1"}):
            assert storage.get("dists/stable/Packages") == b"old"
            assert storage.stat("dists/stable/Contents") is None
            storage.put("dists/stable/Contents", b"new")
            storage.put("dists/stable/Packages", b"new")
            storage.commit("dists/stable/InRelease", b"new", expected=None)
            assert {path: storage.get(path) for path in files} == files
        assert {*storage.list()} == {*files, "dists/stable/by-hash/1"}

    def test_what_is_prepared_and_not_put_leaves_nothing(self, storage: Storage) -> None:
        storage.put("dists/stable/Packages", b"old")
        files = {"dists/stable/Packages": b"new", "dists/stable/InRelease": b"new"}
        with pytest.raises(Conflict), storage.prepared(files, {}):
            storage.commit("dists/stable/InRelease", b"new", expected=b"other")
        assert storage.get("dists/stable/Packages") == b"old"
        assert list(storage.list()) == ["dists/stable/Packages"]

    def test_what_was_prepared_by_version_is_replaced_by_it(self, storage: Storage) -> None:
        version = storage.put("dists/stable/InRelease", b"1")
        if not version:
            pytest.skip("this storage returns no versions")
        with storage.prepared({"dists/stable/InRelease": b"2"}, {}):
            storage.replace("dists/stable/InRelease", b"2", version=version)
            with pytest.raises(Conflict):
                storage.replace("dists/stable/InRelease", b"3", version=version)
        assert storage.get("dists/stable/InRelease") == b"2"

    def test_single_writer_may_commit_and_look(self, storage: Storage) -> None:
        with storage.exclusive("dists/stable/InRelease"):
            storage.commit("dists/stable/InRelease", b"1", expected=None)
            assert storage.get("dists/stable/InRelease") == b"1"
            storage.commit("dists/stable/InRelease", b"2", expected=b"1")
        assert storage.get("dists/stable/InRelease") == b"2"

    def test_of_many_publishers_one_succeeds(
        self, storage: Storage, reopen: Callable[[], Storage]
    ) -> None:
        live: bytes | None = None
        for turn in range(5):
            committed = _race(
                [reopen() for _ in range(4)],
                lambda rival, n, turn=turn, live=live: rival.commit(  # type: ignore[misc]
                    "dists/stable/InRelease", b"%d by %d" % (turn, n), expected=live
                ),
            )
            assert len(committed) == 1
            live = storage.get("dists/stable/InRelease")
            assert live == b"%d by %d" % (turn, committed[0])


def _race(rivals: list[Storage], commit: Callable[[Storage, int], None]) -> list[int]:
    """Let all of ``rivals`` commit at once; return the numbers of those who could."""
    start = threading.Barrier(len(rivals))

    def run(number: int) -> bool:
        start.wait()
        try:
            commit(rivals[number], number)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(len(rivals)) as threads:
        return [n for n, won in enumerate(threads.map(run, range(len(rivals)))) if won]
