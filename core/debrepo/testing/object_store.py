"""What a storage that speaks to a service over HTTP must do when the service does not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count, product
from typing import TYPE_CHECKING, ClassVar

import pytest

from debrepo.errors import Conflict, RemoteError
from debrepo.object_storage import ObjectStorage
from debrepo.testing.contracts import StorageContract
from debrepo.testing.faults import FAULTS, Fault, FaultProxy, running
from debrepo.testing.storage_calls import CALLS, COMMIT, NOTHING_DONE, RELEASE, do, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from debrepo.storage import PoolLink, Storage

#: A hang costs as much time as a client has patience: two calls are enough to know.
PASSING = [*product(CALLS, FAULTS), ("put", "hang"), ("get", "hang")]


class ObjectStoreContract(StorageContract):
    """Subclass, override ``server_port`` and ``connect``, and pytest collects the rest.

    ``connect(port)`` opens one and the same empty place on the server, through that port on
    this machine, as a node of its own would: with a timeout of a few seconds, as few
    attempts as three, and no pauses between them.
    """

    #: Objects in the test with many; more than the service lists or deletes in one request.
    many: ClassVar[int] = 5_000

    @pytest.fixture
    def server_port(self) -> int:
        """Return the port of a server on 127.0.0.1."""
        raise NotImplementedError("override the server_port fixture")

    @pytest.fixture
    def connect(self) -> Callable[[int], Storage]:
        """Return a function that opens the place through a port."""
        raise NotImplementedError("override the connect fixture")

    @pytest.fixture
    def proxy(self, server_port: int) -> Iterator[FaultProxy]:
        """Return a proxy to the server, which does what it is told to."""
        with running(FaultProxy(server_port)) as proxy:
            yield proxy

    @pytest.fixture
    def storage(self, connect: Callable[[int], Storage], proxy: FaultProxy) -> Storage:
        return connect(proxy.port)

    @pytest.fixture
    def reopen(self, connect: Callable[[int], Storage], proxy: FaultProxy) -> Callable[[], Storage]:
        return lambda: connect(proxy.port)

    @pytest.fixture
    def restart(self, storage: Storage) -> Callable[[], Storage]:
        return lambda: storage

    @pytest.fixture
    def crashes(
        self, storage: Storage, proxy: FaultProxy
    ) -> Callable[[Callable[[Storage], object]], Iterator[int]]:
        """Yield when the service has stopped to hear of an action, after each of its requests."""

        def crashes(action: Callable[[Storage], object]) -> Iterator[int]:
            for number in count():
                proxy.alive = number
                with suppress(RemoteError):
                    action(storage)
                unharmed = proxy.alive >= 0
                proxy.alive = None
                yield number
                if unharmed:
                    return

        return crashes

    @pytest.mark.parametrize(("call", "fault"), PASSING)
    def test_a_passing_fault_is_waited_out(
        self,
        storage: Storage,
        proxy: FaultProxy,
        pool_file: Callable[[str, bytes], PoolLink],
        call: str,
        fault: Fault,
    ) -> None:
        prepare(storage)
        proxy.faults["*"] = [fault]
        found = do(call, storage, pool_file)
        expected = {"get": b"old", "stat": 3, "list": [COMMIT, RELEASE]}
        assert found == expected.get(call)
        assert proxy.faults["*"] == []
        assert proxy.outwaited == []
        assert storage.get(COMMIT) == (b"2" if call == "commit" else b"1")
        linked = {"link": ["pool/a.deb"], "link_all": ["pool/a.deb", "pool/b.deb"]}
        assert list(storage.list("pool")) == linked.get(call, [])
        if call == "delete":
            assert storage.stat(RELEASE) is None
        elif call in ("put", "exclusive"):
            assert storage.get(RELEASE) == b"new"

    @pytest.mark.parametrize("fault", ["503", "reset"])
    @pytest.mark.parametrize("call", CALLS)
    def test_a_fault_that_stays_is_an_error_and_changes_nothing(
        self,
        storage: Storage,
        proxy: FaultProxy,
        reopen: Callable[[], Storage],
        pool_file: Callable[[str, bytes], PoolLink],
        call: str,
        fault: Fault,
    ) -> None:
        prepare(storage)
        proxy.faults["*"] = [fault] * 100
        with pytest.raises(RemoteError):
            do(call, storage, pool_file)
        proxy.faults.clear()
        again = reopen()
        assert {path: again.get(path) for path in again.list()} == NOTHING_DONE

    def test_many_uploads_end_at_a_fault_that_stays(
        self, storage: Storage, proxy: FaultProxy, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        proxy.alive = 0
        with pytest.raises(RemoteError):
            storage.link_all(pool_file(f"pool/{n}", b"%d" % n) for n in range(200))
        assert len(proxy.seen) < 150

    def test_a_commit_is_no_conflict_with_itself_whatever_answer_got_lost(
        self, storage: Storage, proxy: FaultProxy
    ) -> None:
        live: bytes | None = None
        for number in count():
            before: list[Fault] = [""]
            proxy.faults["*"] = [*before * number, "lost"]
            new = b"%d" % number
            storage.commit(COMMIT, new, expected=live)
            assert storage.get(COMMIT) == new
            live = new
            if proxy.faults["*"]:
                break

    def test_a_replacement_is_no_conflict_with_itself_whatever_answer_got_lost(
        self, storage: Storage, proxy: FaultProxy
    ) -> None:
        version = storage.put(RELEASE, b"old")
        if not version:
            pytest.skip("this storage returns no versions")
        before: list[Fault] = [""]
        for number in range(3):
            proxy.faults["*"] = [*before * number, "lost"]
            version = storage.replace(RELEASE, b"%d" % number, version=version)
            assert storage.get(RELEASE) == b"%d" % number

    def test_a_crash_at_any_request_leaves_clients_working_and_the_next_run_completes(
        self,
        storage: Storage,
        proxy: FaultProxy,
        pool_file: Callable[[str, bytes], PoolLink],
    ) -> None:
        live: bytes | None = None
        for number in count():
            new = b"%d" % number
            proxy.alive = number
            with suppress(RemoteError):
                _publish(storage, pool_file, new, live)
            unharmed = proxy.alive is not None and proxy.alive >= 0
            proxy.alive = None
            _check(storage)
            if (storage.get(COMMIT) if storage.stat(COMMIT) else None) != new:
                _publish(storage, pool_file, new, live)
            assert _check(storage) == new
            live = new
            if unharmed:
                break

    def test_a_conflict_is_told_before_anything_is_mixed(
        self, reopen: Callable[[], Storage], pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        def node(number: int) -> str:
            storage, name = reopen(), b"node %d" % number
            try:
                _publish(storage, pool_file, name, None)
            except Conflict:
                return ""
            return name.decode()

        with ThreadPoolExecutor(3) as threads:
            winners = [name for name in threads.map(node, range(3)) if name]
        storage = reopen()
        assert winners == [storage.get(COMMIT).decode()]
        if self.locks:
            assert storage.get(RELEASE).decode() == winners[0]

    def test_who_is_alone_loses_nothing(self, reopen: Callable[[], Storage]) -> None:
        if not self.locks:
            pytest.skip("this storage has no locks")

        def add(number: int) -> None:
            storage = reopen()
            for _ in range(3):
                with storage.exclusive(COMMIT):
                    before = storage.get(RELEASE) if storage.stat(RELEASE) else b""
                    storage.put(RELEASE, before + b"%d" % number)

        with ThreadPoolExecutor(3) as threads:
            list(threads.map(add, range(3)))
        assert sorted(reopen().get(RELEASE)) == sorted(b"000111222")

    def test_lock_that_another_node_left_is_taken_over_at_once(
        self, reopen: Callable[[], Storage]
    ) -> None:
        if not self.locks:
            pytest.skip("this storage has no locks")
        dead, alive = reopen(), reopen()
        for storage in (dead, alive):
            storage.lock_as("nodes")
        left = dead.exclusive(COMMIT)
        left.__enter__()
        with alive.exclusive(COMMIT):
            alive.put(COMMIT, b"alive")
        left.__exit__(None, None, None)

    def test_locks_are_not_listed(self, storage: Storage) -> None:
        with storage.exclusive(COMMIT):
            storage.put(RELEASE, b"1")
            assert list(storage.list()) == [RELEASE]
        assert list(storage.list()) == [RELEASE]

    def test_caches_are_told_how_long_they_may_keep_a_file(
        self, storage: Storage, proxy: FaultProxy
    ) -> None:
        storage.put(RELEASE, b"1", cache="immutable")
        storage.put(COMMIT, b"1")
        told = [" ".join(request.headers.values()) for request in proxy.seen]
        assert [text for text in told if "immutable" in text]
        assert [text for text in told if "no-cache" in text]

    def test_objects_grow_older(self, storage: Storage) -> None:
        if not isinstance(storage, ObjectStorage):
            return
        storage.put(RELEASE, b"1")
        young = old = storage.read(RELEASE)
        deadline = time.monotonic() + self.patience
        while young and old and old.age <= young.age and time.monotonic() < deadline:
            time.sleep(0.1)  # services count in seconds
            old = storage.read(RELEASE)
        assert young is not None
        assert old is not None
        assert old.age > young.age

    def test_many_objects(
        self, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]
    ) -> None:
        paths = [f"pool/{n % 20:02}/lib{n:05}+b1_1%7e{n}_all.deb" for n in range(self.many)]
        some = pool_file("", b"deb")
        storage.link_all(some._replace(path=path) for path in paths)
        assert list(storage.list()) == sorted(paths)
        assert storage.get(paths[-1]) == b"deb"
        storage.delete(paths)
        assert list(storage.list()) == []

    def test_it_says_how_often_it_asked_and_what_it_sent(self, storage: Storage) -> None:
        before = dict(storage.statistics())
        storage.put(RELEASE, b"12345")
        storage.get(RELEASE)
        now = storage.statistics()
        kinds = [kind for kind in now if not kind.startswith("bytes ")]
        assert sum(now[kind] - before.get(kind, 0) for kind in kinds) >= 2
        assert now["bytes sent"] - before.get("bytes sent", 0) >= 5
        assert now["bytes received"] - before.get("bytes received", 0) >= 5


def _publish(
    storage: Storage,
    pool_file: Callable[[str, bytes], PoolLink],
    name: bytes,
    live: bytes | None,
) -> None:
    """Publish a tiny repository in the order in which the engine does."""
    storage.link_all([pool_file(f"pool/{name.decode()}.deb", name)])
    storage.put(f"dists/stable/by-hash/{name.decode()}", name, cache="immutable")
    with storage.exclusive(COMMIT):
        found = storage.get(COMMIT) if storage.stat(COMMIT) else None
        if found != live:
            raise Conflict("somebody else has published here")
        storage.put(RELEASE, name)
        storage.commit(COMMIT, name, expected=live)
    if live:
        storage.delete([f"pool/{live.decode()}.deb", f"dists/stable/by-hash/{live.decode()}"])


def _check(storage: Storage) -> bytes | None:
    """Follow what is served as a client does; return its name."""
    if storage.stat(COMMIT) is None:
        return None
    name = storage.get(COMMIT)
    assert storage.get(f"dists/stable/by-hash/{name.decode()}") == name
    assert storage.get(f"pool/{name.decode()}.deb") == name
    return name
