"""What a storage that speaks to a service must do when connections end, as tests to inherit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from debrepo.errors import RemoteError
from debrepo.testing.contracts import StorageContract
from debrepo.testing.cutting import CUTS, Cut, CuttingProxy
from debrepo.testing.faults import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from debrepo.storage import PoolLink, Storage

_COMMIT = "dists/stable/InRelease"
_RELEASE = "dists/stable/Release"
_DEB = "pool/a.deb"
_CALLS = ("put", "get", "stat", "link", "delete", "list", "commit", "exclusive")
_NOTHING = {_COMMIT: b"1", _RELEASE: b"old"}


class ServiceContract(StorageContract):
    """Subclass, override ``server_port`` and ``connect``, and pytest collects the rest.

    ``connect(port)`` opens one and the same empty place on the service, through that port on
    this machine, as a publisher of its own: with a timeout of a few seconds, as few attempts as
    three, and short pauses between them. `ObjectStoreContract` asks more of what speaks HTTP.
    """

    @pytest.fixture
    def server_port(self) -> int:
        """Return the port of a service on 127.0.0.1."""
        raise NotImplementedError("override the server_port fixture")

    @pytest.fixture
    def connect(self) -> Callable[[int], Storage]:
        """Return a function that opens the place through a port."""
        raise NotImplementedError("override the connect fixture")

    @pytest.fixture
    def cutter(self, server_port: int) -> Iterator[CuttingProxy]:
        """Return a proxy to the service, which cuts connections when it is told to."""
        with running(CuttingProxy(server_port)) as cutter:
            yield cutter

    @pytest.fixture
    def storage(self, connect: Callable[[int], Storage], cutter: CuttingProxy) -> Storage:
        return connect(cutter.port)

    @pytest.fixture
    def reopen(
        self, connect: Callable[[int], Storage], cutter: CuttingProxy
    ) -> Callable[[], Storage]:
        return lambda: connect(cutter.port)

    @pytest.mark.parametrize("call", _CALLS)
    def test_an_idle_connection_that_has_ended_is_made_again(
        self,
        storage: Storage,
        cutter: CuttingProxy,
        pool_file: Callable[[str, bytes], PoolLink],
        call: str,
    ) -> None:
        _prepare(storage)
        cutter.cut_all()
        _check(storage, call, _call(call, storage, pool_file))

    @pytest.mark.parametrize("cut", CUTS)
    @pytest.mark.parametrize("call", _CALLS)
    def test_a_call_is_done_however_its_connection_ends_once(
        self,
        storage: Storage,
        restart: Callable[[], Storage],
        cutter: CuttingProxy,
        pool_file: Callable[[str, bytes], PoolLink],
        call: str,
        cut: Cut,
    ) -> None:
        _prepare(storage)
        made = cutter.made
        cutter.cuts = [cut]
        found = _call(call, restart(), pool_file)
        assert cutter.made == made + 1
        _check(storage, call, found)

    @pytest.mark.parametrize("call", _CALLS)
    def test_a_service_that_is_gone_is_an_error_and_nothing_changes(
        self,
        storage: Storage,
        cutter: CuttingProxy,
        pool_file: Callable[[str, bytes], PoolLink],
        call: str,
    ) -> None:
        _prepare(storage)
        cutter.gone = True
        cutter.cut_all()
        with pytest.raises(RemoteError):
            _call(call, storage, pool_file)
        cutter.gone = False
        assert {path: storage.get(path) for path in storage.list()} == _NOTHING


def _prepare(storage: Storage) -> None:
    storage.put(_RELEASE, b"old")
    storage.commit(_COMMIT, b"1", expected=None)


def _call(call: str, storage: Storage, pool_file: Callable[[str, bytes], PoolLink]) -> object:
    match call:
        case "put":
            storage.put(_RELEASE, b"new")
        case "get":
            return storage.get(_RELEASE)
        case "stat":
            found = storage.stat(_RELEASE)
            return found and found.size
        case "link":
            storage.link(pool_file(_DEB, b"a"))
        case "delete":
            storage.delete([_RELEASE])
        case "list":
            return list(storage.list())
        case "commit":
            storage.commit(_COMMIT, b"2", expected=b"1")
        case "exclusive":
            with storage.exclusive(_COMMIT):
                storage.put(_RELEASE, b"new")
    return None


def _check(storage: Storage, call: str, found: object) -> None:
    """Check what a call has returned, and what it has left."""
    left = {
        "link": {**_NOTHING, _DEB: b"a"},
        "commit": {**_NOTHING, _COMMIT: b"2"},
        "delete": {_COMMIT: b"1"},
        "put": {**_NOTHING, _RELEASE: b"new"},
        "exclusive": {**_NOTHING, _RELEASE: b"new"},
    }
    assert found == {"get": b"old", "stat": 3, "list": [_COMMIT, _RELEASE]}.get(call)
    assert {path: storage.get(path) for path in storage.list()} == left.get(call, _NOTHING)
