"""What a storage must do when its process is killed or overtaken, as tests to inherit."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, ClassVar

import pytest

from debrepo.errors import Conflict, DebrepoError
from debrepo.testing import crashes as crashing
from debrepo.testing.large import assert_same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from debrepo.storage import PoolLink, Storage

    Crashes = Callable[[Callable[[Storage], object]], Iterator[int]]

_COMMIT = "dists/stable/InRelease"
_RELEASE = "dists/stable/Release"
_DEB = "pool/main/a/a/a_1_amd64.deb"


class CrashContract:
    """The part of `StorageContract` that is about being killed, and about being overtaken."""

    #: Whether `Storage.exclusive` keeps others out; a service without any lock says ``False``.
    locks: ClassVar[bool] = True
    #: Whether `Storage.link` can refuse to replace what another publisher has just put there.
    creates_only: ClassVar[bool] = True
    #: Seconds after which somebody who waits for a lock waits for ever.
    patience: ClassVar[float] = 60

    @pytest.fixture
    def restart(self, reopen: Callable[[], Storage]) -> Callable[[], Storage]:
        """Return a function that opens the place as the same root does after it was killed."""
        return reopen

    @pytest.fixture
    def crashes(self, restart: Callable[[], Storage]) -> Crashes:
        """Return a function that yields each time a process was killed in an action."""
        return lambda action: crashing.crashes(lambda: action(restart()))

    @pytest.fixture
    def served_date(self, storage: Storage) -> Callable[[str], int]:
        """Return a function that says which date, in seconds, clients get for a file."""

        def date(path: str) -> int:
            local = storage.local_path(path)
            assert local is not None, "set coarse_dates to True, or override served_date"
            return int(local.stat().st_mtime)

        return date

    def test_a_link_that_is_killed_is_not_seen_and_blocks_nothing(
        self,
        crashes: Crashes,
        restart: Callable[[], Storage],
        pool_file: Callable[[str, bytes], PoolLink],
    ) -> None:
        data = bytes(range(256)) * 6_000  # more than a piece: storages read up to 1 MiB at once
        file = pool_file(_DEB, data)
        for _ in crashes(lambda storage: storage.link(file)):
            storage = restart()
            found = storage.stat(_DEB)
            assert found is None or found.size == len(data)
            assert list(storage.list()) == ([_DEB] if found else [])
            storage.link(file)
            assert_same(storage.get(_DEB), data)
            storage.delete([_DEB])

    @pytest.mark.parametrize("call", ["put", "commit"])
    def test_a_replacement_that_is_killed_leaves_the_old_file_or_the_new_one(
        self, storage: Storage, crashes: Crashes, restart: Callable[[], Storage], call: str
    ) -> None:
        old, new = b"old" * 5_000, b"new, and longer" * 5_000
        storage.put(_COMMIT, old)

        def replace(storage: Storage) -> None:
            if call == "put":
                storage.put(_COMMIT, new)
            else:
                storage.commit(_COMMIT, new, expected=old)

        for _ in crashes(replace):
            again = restart()
            found = again.get(_COMMIT)
            assert found in (old, new)
            assert list(again.list()) == [_COMMIT]
            again.commit(_COMMIT, b"next", expected=found)
            again.put(_COMMIT, old)

    def test_a_lock_of_a_killed_process_does_not_block_the_next_run(
        self, crashes: Crashes, restart: Callable[[], Storage]
    ) -> None:
        def publish(storage: Storage) -> None:
            with storage.exclusive(_COMMIT):
                storage.put(_RELEASE, b"1")

        waited: list[int] = []

        def wait(point: int) -> None:
            publish(restart())
            waited.append(point)

        for point in crashes(publish):
            thread = Thread(target=wait, args=(point,), daemon=True)
            thread.start()
            thread.join(self.patience)
            assert waited[-1:] == [point], "the lock blocks: does restart open it as the same root?"

    def test_nobody_enters_while_another_publisher_is_alone(
        self, storage: Storage, reopen: Callable[[], Storage]
    ) -> None:
        if not self.locks:
            pytest.skip("this storage has no locks")
        rival = reopen()
        happened: list[str] = []

        def enter(name: str, publisher: Storage) -> None:
            with publisher.exclusive(_COMMIT):
                happened.append(f"{name} in")
                publisher.put(_RELEASE, name.encode())
                happened.append(f"{name} out")

        for _ in crashing.overtaken(
            lambda: enter("one", storage), lambda: enter("other", rival), points=8
        ):
            assert sorted(happened[:2]) in (["one in", "one out"], ["other in", "other out"])
            assert len(happened) == 4
            happened.clear()

    def test_of_two_that_commit_at_once_one_is_refused(
        self, storage: Storage, reopen: Callable[[], Storage]
    ) -> None:
        rival = reopen()
        storage.put(_COMMIT, b"live")
        committed: list[bytes] = []

        def commit(publisher: Storage, data: bytes) -> None:
            try:
                publisher.commit(_COMMIT, data, expected=b"live")
            except Conflict:
                return
            committed.append(data)

        for _ in crashing.overtaken(
            lambda: commit(storage, b"one"), lambda: commit(rival, b"other"), points=8
        ):
            assert committed == [storage.get(_COMMIT)]
            storage.put(_COMMIT, b"live")
            committed.clear()

    def test_of_two_that_link_different_files_to_one_path_one_is_refused(
        self,
        storage: Storage,
        reopen: Callable[[], Storage],
        pool_file: Callable[[str, bytes], PoolLink],
    ) -> None:
        if not self.creates_only:
            pytest.skip("this storage cannot tell whether another publisher is as fast")
        rival = reopen()
        one, other = pool_file(_DEB, b"one"), pool_file(_DEB, b"the other one")
        linked: list[bytes] = []

        def link(publisher: Storage, file: PoolLink) -> None:
            try:
                publisher.link(file)
            except Conflict:
                return
            linked.append(file.source.read_bytes())

        for _ in crashing.overtaken(lambda: link(storage, one), lambda: link(rival, other)):
            assert linked == [storage.get(_DEB)]
            storage.delete([_DEB])
            linked.clear()

    def test_every_replacement_has_a_date_of_its_own_unless_dates_are_coarse(
        self, storage: Storage, served_date: Callable[[str], int]
    ) -> None:
        if storage.coarse_dates:
            return  # then a publish waits
        dates = []
        for number in range(4):
            storage.put(_RELEASE, b"%d" % number)
            dates.append(served_date(_RELEASE))
        assert dates == sorted(set(dates)), "clients miss a replacement: set coarse_dates to True"

    def test_a_pool_file_that_is_gone_is_an_error_of_debrepos(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        file = pool_file(_DEB, b"a")
        file.source.unlink()
        with pytest.raises(DebrepoError, match="a_1_amd64"):
            storage.link(file)
        assert storage.stat(_DEB) is None

    @pytest.mark.parametrize("path", ["dists/stable", "dists/stable/Release/below"])
    def test_what_cannot_be_stored_is_an_error_of_debrepos(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink], path: str
    ) -> None:
        """Fail as debrepo does where a name is a directory and a file at once, or store it."""
        storage.put(_RELEASE, b"1")
        if _is_refused(lambda: storage.link(pool_file(path, b"1"))):
            assert _is_refused(lambda: storage.put(path, b"1"))
        else:
            assert storage.get(path) == b"1"
        assert storage.get(_RELEASE) == b"1"


def _is_refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except DebrepoError:
        return True
    return False
