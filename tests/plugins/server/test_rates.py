"""Rates of clients who ask several servers."""

import pytest
from starlette.exceptions import HTTPException

from debrepo_server.access import Access
from debrepo_server.beat import Beat
from debrepo_server.node import ServerNode
from debrepo_server.rates import RATES, Rates, RateSharing

CLIENT = "192.0.2.1"


class Clock:
    now = 1000.0


class Server:
    """A server that counts requests; its clock may be wrong."""

    def __init__(self, session, clock, *, wrong=0.0, per_second=2.0, at_once=10.0):
        self.rates = Rates(
            "requests",
            per_second,
            at_once,
            now=lambda: clock.now + wrong,
            monotonic=lambda: clock.now,
        )
        self.node = ServerNode(session)
        self.node.start()
        self.beat = Beat(session, [RateSharing((self.rates,), self.node)])

    def ask(self, count):
        """Return how many of so many requests are let through."""
        return sum(self._lets() for _ in range(count))

    def _lets(self):
        try:
            self.rates.take(CLIENT)
        except HTTPException:
            return False
        return True


@pytest.fixture
def servers(session):
    started = []

    def start(*wrong, **more):
        clock = Clock()
        started.extend(Server(session, clock, wrong=one, **more) for one in wrong)
        for one in started:
            one.beat.once()
        return clock, started

    yield start
    for one in started:
        one.node.stop()


def test_what_one_server_lets_through_another_does_not_once_it_has_told(servers):
    _, (one, two) = servers(0, 0)
    assert one.ask(10) == 10
    assert two.ask(1) == 1  # it has not heard of them
    one.beat.once()
    two.beat.once()
    assert (one.ask(1), two.ask(1)) == (0, 0)


@pytest.mark.parametrize("wrong", [(0, 0), (0, 30.0), (-5.0, 5.0, 0)])
def test_rate_of_a_client_holds_over_all_servers_whatever_their_clocks_say(servers, wrong):
    clock, found = servers(*wrong)
    let = 0
    for _ in range(100):
        clock.now += 1
        for server in found:
            let += server.ask(10)
            server.beat.once()
    burst, rate = 10, 2 * 100
    assert rate <= let <= rate + len(found) * burst


@pytest.mark.lmdb  # a server of a shared database is never alone
def test_server_alone_stores_nothing_of_its_clients(servers, session):
    _, (one,) = servers(0)
    one.ask(20)
    before = session.db.written
    one.beat.once()
    assert session.db.written == before


def test_client_who_has_not_asked_for_long_is_not_kept(servers, session):
    clock, (one, two) = servers(0, 0)
    one.ask(5)
    one.beat.once()
    assert kept(session) == [f"requests\0{CLIENT}"]
    clock.now += 100
    two.rates.take("192.0.2.2")
    two.beat.once()
    assert kept(session) == ["requests\x00192.0.2.2"]


def test_wrong_tokens_are_counted_by_all_servers(session):
    access = [Access(session, trusting=False) for _ in range(2)]
    nodes = [ServerNode(session) for _ in access]
    for node in nodes:
        node.start()
    beats = [
        Beat(session, [RateSharing(one.rates, node)])
        for one, node in zip(access, nodes, strict=True)
    ]
    for beat in beats:
        beat.once()
    wrong = [one.rates[1] for one in access]
    for _ in range(20):
        wrong[0].take(CLIENT)
    beats[0].once()
    wrong[1].take(CLIENT)
    beats[1].once()
    with pytest.raises(HTTPException):
        wrong[1].take(CLIENT)
    for node in nodes:
        node.stop()


def kept(session):
    with session.db.read() as txn:
        return list(txn[RATES])
