"""What a storage that speaks to a service must do when connections end, as tests to inherit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from debrepo.errors import RemoteError
from debrepo.testing.contracts import StorageContract
from debrepo.testing.cutting import CUTS, Cut, CuttingProxy
from debrepo.testing.faults import running
from debrepo.testing.storage_calls import CALLS, COMMIT, DEB, NOTHING_DONE, RELEASE, do, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from debrepo.storage import PoolLink, Storage

_CALLS = tuple(call for call in CALLS if call != "link_all")


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
        prepare(storage)
        cutter.cut_all()
        _check(storage, call, do(call, storage, pool_file))

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
        prepare(storage)
        made = cutter.made
        cutter.cuts = [cut]
        found = do(call, restart(), pool_file)
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
        prepare(storage)
        cutter.gone = True
        cutter.cut_all()
        with pytest.raises(RemoteError):
            do(call, storage, pool_file)
        cutter.gone = False
        assert {path: storage.get(path) for path in storage.list()} == NOTHING_DONE


def _check(storage: Storage, call: str, found: object) -> None:
    """Check what a call has returned, and what it has left."""
    left = {
        "link": {**NOTHING_DONE, DEB: b"a"},
        "commit": {**NOTHING_DONE, COMMIT: b"2"},
        "delete": {COMMIT: b"1"},
        "put": {**NOTHING_DONE, RELEASE: b"new"},
        "exclusive": {**NOTHING_DONE, RELEASE: b"new"},
    }
    assert found == {"get": b"old", "stat": 3, "list": [COMMIT, RELEASE]}.get(call)
    assert {path: storage.get(path) for path in storage.list()} == left.get(call, NOTHING_DONE)
