"""What every transport must do, as tests to inherit."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from debrepo import stopping
from debrepo.errors import Cancelled
from debrepo.testing.large import assert_same
from debrepo.testing.transport_faults import TransportFaults
from debrepo.testing.transport_fixtures import LARGE, Receiver, fetch, need
from debrepo.transport import NOTHING_KNOWN, Pace, TransportOptions, Want, address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from debrepo.testing.transport_fixtures import UpstreamServer
    from debrepo.transport import Transport

    Opened = Callable[..., Transport]

ODD = ["g++_1.0-1.deb", "a_1%3a2.deb", "a_1~rc1.deb", "a b.deb", "a#b?c=d&e;f.deb", "ä'\"<.deb"]


class TransportContract(TransportFaults):
    """Subclass in a test module and override ``transport_class`` and ``upstream``."""

    @pytest.fixture
    def transport_class(self) -> type[Transport]:
        """Return the transport."""
        raise NotImplementedError("override the transport_class fixture")

    @pytest.fixture
    def upstream(self) -> UpstreamServer:
        """Return a server that runs, and is empty."""
        raise NotImplementedError("override the upstream fixture")

    @pytest.fixture
    def opened(self, transport_class: type[Transport]) -> Iterator[Opened]:
        """Return a function that opens a transport with options."""
        transports: list[Transport] = []

        def opened(**options: Any) -> Transport:
            transports.append(transport_class.open(TransportOptions(**options)))
            return transports[-1]

        yield opened
        for transport in transports:
            transport.close()

    # Files that come as they should.

    def test_a_file_comes_whole(self, opened: Opened, upstream: UpstreamServer) -> None:
        upstream.put("pool/a.deb", LARGE)
        receiver = Receiver(upstream.url + "pool/a.deb")
        (fetched,) = fetch(opened(), receiver)
        assert (fetched.outcome, fetched.size, fetched.reason) == ("whole", len(LARGE), "")
        assert_same(receiver.data, LARGE)
        assert receiver.told == ["begin", "receive"]
        assert fetched.url == upstream.url + "pool/a.deb"

    def test_validators_are_told_before_the_first_byte(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        upstream.put("a", LARGE)
        receiver = Receiver(upstream.url + "a")
        (fetched,) = fetch(opened(), receiver)
        assert receiver.begun_with == fetched.validators != NOTHING_KNOWN

    def test_an_empty_file_is_whole(self, opened: Opened, upstream: UpstreamServer) -> None:
        upstream.put("empty", b"")
        receiver = Receiver(upstream.url + "empty")
        assert [one.outcome for one in fetch(opened(), receiver)] == ["whole"]
        assert receiver.told == ["begin"]

    def test_a_small_file_can_be_read(self, opened: Opened, upstream: UpstreamServer) -> None:
        upstream.put("Release", b"Suite: stable\n")
        fetched, data = opened().read(upstream.url + "Release", limit=1000)
        assert (fetched.outcome, data) == ("whole", b"Suite: stable\n")

    def test_nothing_wanted_is_nothing_fetched(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        assert list(opened().fetch([])) == []

    @pytest.mark.parametrize("name", ODD)
    def test_a_file_may_have_odd_characters(
        self, opened: Opened, upstream: UpstreamServer, name: str
    ) -> None:
        upstream.put(f"pool/{name}", name.encode())
        fetched, data = opened().read(address(upstream.url, f"pool/{name}"), limit=100)
        assert (fetched.outcome, data) == ("whole", name.encode())

    def test_many_files_come_over_few_connections(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        receivers = []
        for number in range(200):
            upstream.put(f"pool/{number}", b"%d" % number * 100)
            receivers.append(Receiver(f"{upstream.url}pool/{number}"))
        transport = opened(connections=4)
        assert {one.outcome for one in fetch(transport, *receivers[:100])} == {"whole"}
        assert {one.outcome for one in fetch(transport, *receivers[100:])} == {"whole"}
        assert [bytes(r.data) for r in receivers] == [b"%d" % n * 100 for n in range(200)]
        assert upstream.connections <= 4

    def test_files_are_taken_when_a_connection_is_free(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        taken: list[Want] = []

        def wants() -> Iterator[Want]:
            for number in range(20):
                upstream.put(f"{number}", b"x")
                want = Receiver(f"{upstream.url}{number}").want
                taken.append(want)
                yield want

        for ended, _ in enumerate(opened(connections=2).fetch(wants()), 1):
            assert len(taken) - ended <= 2 * 2  # some may have ended together with this one
        assert ended == 20

    # What is here already.

    def test_what_has_not_changed_is_not_sent(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        upstream.put("InRelease", b"1")
        transport = opened()
        first, _ = transport.read(upstream.url + "InRelease", limit=10)
        receiver = Receiver(upstream.url + "InRelease", validators=first.validators)
        (second,) = fetch(transport, receiver)
        assert (second.outcome, second.validators) == ("unchanged", first.validators)
        assert receiver.told == []

    def test_what_has_changed_is_sent(self, opened: Opened, upstream: UpstreamServer) -> None:
        upstream.put("InRelease", b"1")
        transport = opened()
        first, _ = transport.read(upstream.url + "InRelease", limit=10)
        upstream.put("InRelease", b"22")
        second, data = transport.read(
            upstream.url + "InRelease", limit=10, validators=first.validators
        )
        assert (second.outcome, data) == ("whole", b"22")
        assert second.validators != first.validators

    def test_the_rest_of_a_file_is_fetched(self, opened: Opened, upstream: UpstreamServer) -> None:
        need(upstream, "range")
        upstream.put("a", LARGE)
        transport = opened()
        (first,) = fetch(transport, Receiver(upstream.url + "a"))
        receiver = Receiver(upstream.url + "a", have=LARGE[:-1000], validators=first.validators)
        (fetched,) = fetch(transport, receiver)
        assert (fetched.outcome, fetched.size) == ("whole", len(LARGE))
        assert_same(receiver.data, LARGE)
        assert receiver.told == ["begin", "receive"]
        if "received" in upstream.faults_known:
            assert upstream.received("a")[-1] == 1000

    def test_a_file_that_has_changed_comes_from_its_start(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        need(upstream, "range")
        upstream.put("a", LARGE)
        transport = opened()
        (first,) = fetch(transport, Receiver(upstream.url + "a"))
        changed = LARGE[::-1]
        upstream.put("a", changed)
        receiver = Receiver(upstream.url + "a", have=LARGE[:1000], validators=first.validators)
        (fetched,) = fetch(transport, receiver)
        assert (fetched.outcome, fetched.size) == ("whole", len(LARGE))
        assert_same(receiver.data, changed)
        assert receiver.told == ["restart", "begin", "receive"]
        assert receiver.begun_with != first.validators

    def test_a_file_that_is_shorter_than_what_is_here_comes_from_its_start(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        need(upstream, "range")
        upstream.put("a", b"short")
        receiver = Receiver(upstream.url + "a", have=b"much longer than that")
        (fetched,) = fetch(opened(), receiver)
        assert (fetched.outcome, bytes(receiver.data)) == ("whole", b"short")

    @pytest.mark.parametrize("kind", ["ignore-range", "wrong-range"])
    def test_a_server_that_cannot_resume_spoils_nothing(
        self, opened: Opened, upstream: UpstreamServer, kind: str
    ) -> None:
        need(upstream, kind)
        upstream.put("a", LARGE)
        upstream.fault("a", kind, None)
        receiver = Receiver(upstream.url + "a", have=LARGE[:1000])
        (fetched,) = fetch(opened(), receiver)
        assert (fetched.outcome, fetched.size) == ("whole", len(LARGE))
        assert_same(receiver.data, LARGE)
        assert receiver.told == ["restart", "begin", "receive"]

    # Ending before the end.

    def test_closing_the_iterator_ends_what_is_under_way(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        need(upstream, "hold")
        upstream.put("a", LARGE)
        upstream.put("b", b"b")
        upstream.fault("a", "hold", keep=10)
        transport = opened(connections=2)
        held, free = Receiver(upstream.url + "a"), Receiver(upstream.url + "b")
        running = transport.fetch([held.want, free.want])
        assert next(running).want is free.want
        running.close()  # type: ignore[attr-defined]
        upstream.release()
        assert len(held.data) <= 10
        assert transport.read(upstream.url + "b", limit=10)[1] == b"b"
        assert len(held.data) <= 10

    def test_a_watch_ends_it(self, opened: Opened, upstream: UpstreamServer) -> None:
        need(upstream, "hold")
        upstream.put("a", LARGE)
        upstream.fault("a", "hold", keep=10)
        watch = stopping.Watch()

        def stop() -> None:
            upstream.wait_for(1, "a")
            watch.stop("told to end")

        stopper = threading.Thread(target=stop)
        stopper.start()
        with stopping.watching(watch), pytest.raises(Cancelled, match="told to end"):
            fetch(opened(), Receiver(upstream.url + "a"))
        stopper.join()
        upstream.release()

    def test_all_connections_share_one_pace(self, opened: Opened, upstream: UpstreamServer) -> None:
        now = [0.0]

        def pass_by(seconds: float) -> None:
            now[0] += seconds

        receivers = []
        for number in range(8):
            upstream.put(f"{number}", LARGE[:250_000])
            receivers.append(Receiver(f"{upstream.url}{number}"))
        pace = Pace(100_000, clock=lambda: now[0], sleep=pass_by)
        ended = fetch(opened(pace=pace, connections=4), *receivers)
        assert {one.outcome for one in ended} == {"whole"}
        pace.keep()  # what came last is made up for before anything else comes
        assert 19 < now[0] < 21  # 2 MB at 100 kB/s
