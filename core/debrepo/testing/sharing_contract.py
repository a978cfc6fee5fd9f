"""What a storage must do to have one file, or one directory, under several paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from debrepo.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from debrepo.storage import Storage

_HASHED = "dists/stable/main/by-hash/SHA256/" + "0" * 64
_DATED = "dists/stable/20300102T000000Z/main/Packages.gz"


class SharingContract:
    """The part of `StorageContract` that is about further paths."""

    def test_file_is_there_under_each_path_that_it_is_given(self, storage: Storage) -> None:
        storage.put(_HASHED, b"index", cache="immutable")
        more = {f"dists/{number}/Packages.gz": _HASHED for number in range(12)}
        storage.share_all(more)
        assert {storage.get(path) for path in more} == {b"index"}
        assert sorted(storage.list()) == sorted([*more, _HASHED])

    def test_each_path_of_a_file_is_deleted_by_itself(self, storage: Storage) -> None:
        storage.put(_HASHED, b"index", cache="immutable")
        storage.share_all({_DATED: _HASHED})
        storage.delete([_HASHED])
        assert storage.get(_DATED) == b"index"

    def test_sharing_replaces_what_a_crash_has_left(self, storage: Storage) -> None:
        storage.put(_DATED, b"half", cache="immutable")
        storage.put(_HASHED, b"index", cache="immutable")
        storage.share_all({_DATED: _HASHED})
        storage.share_all({_DATED: _HASHED})
        assert storage.get(_DATED) == b"index"
        storage.put(_DATED, b"another")
        assert storage.get(_HASHED) == b"index"

    def test_sharing_what_is_not_there_is_not_found(self, storage: Storage) -> None:
        with pytest.raises(NotFound):
            storage.share_all({_DATED: _HASHED})
        assert storage.stat(_DATED) is None

    def test_sharing_stays_below_the_root(self, storage: Storage) -> None:
        storage.put(_HASHED, b"index", cache="immutable")
        for files in ({"../out": _HASHED}, {_DATED: "../in"}):
            with pytest.raises(InvalidInput):
                storage.share_all(files)

    def test_directory_is_read_by_another_path_and_its_files_are_listed_once(
        self, storage: Storage
    ) -> None:
        if not storage.links_directories:
            pytest.skip("this storage links no directories")
        storage.put(_DATED, b"index")
        storage.link_directory("snapshots/1/dists/stable", "dists/stable/20300102T000000Z")
        assert storage.get("snapshots/1/dists/stable/main/Packages.gz") == b"index"
        assert list(storage.list()) == [_DATED]

    def test_link_to_a_directory_is_replaced_and_nothing_else_is(self, storage: Storage) -> None:
        if not storage.links_directories:
            pytest.skip("this storage links no directories")
        storage.put("b/file", b"b")
        for target in ("a", "b", "b"):
            storage.link_directory("link", target)
        assert storage.get("link/file") == b"b"
        with pytest.raises(Conflict, match="b"):
            storage.link_directory("b", "a")
        for path, target in (("../x", "a"), ("x", "../a")):
            with pytest.raises(InvalidInput):
                storage.link_directory(path, target)

    def test_link_goes_with_the_directories_that_it_leaves_empty(self, storage: Storage) -> None:
        if not storage.links_directories:
            pytest.skip("this storage links no directories")
        storage.put("pool/file", b"1")
        for path in ("snapshots/1/dists/stable", "snapshots/1/dists/other", "snapshots/1/pool"):
            storage.link_directory(path, "pool")
        storage.unlink_directory("snapshots/1/dists/stable")
        storage.unlink_directory("snapshots/1/pool", unless="snapshots/1/dists")
        assert storage.get("snapshots/1/pool/file") == b"1"
        storage.unlink_directory("snapshots/1/dists/other")
        storage.unlink_directory("snapshots/1/dists/other")
        storage.unlink_directory("snapshots/1/pool", unless="snapshots/1/dists")
        storage.unlink_directory("pool")  # which is none
        with pytest.raises(NotFound):
            storage.get("snapshots/1/pool/file")
        assert list(storage.list()) == ["pool/file"]
        storage.put("snapshots/1/pool/file", b"2")  # a directory again
        assert storage.get("pool/file") == b"1"
