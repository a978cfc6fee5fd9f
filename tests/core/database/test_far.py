"""Transactions of a store that is far away: what they see, and how often they ask."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from debrepo.database.asking import Range
from debrepo.database.far import FarReply, FarTransaction
from debrepo.database.known import UNKNOWN, KnownState


class Server:
    """A server with a few entries, which counts what it is asked."""

    def __init__(self, entries, serial=1):
        self.entries = dict(entries)
        self.serial = serial
        self.round_trips = 0

    def begin(self, keys, ranges, ahead, known):
        asked = ranges if known == self.serial else [*ranges, *ahead]
        return self.serial, self.fetch(keys, asked)

    def fetch(self, keys, ranges):
        self.round_trips += 1
        found = {key: self.entries[key] for key in keys if key in self.entries}
        return FarReply(found, [self._range(one) for one in ranges])

    def count(self, low, high):
        self.round_trips += 1
        return sum(low <= key < high for key in self.entries)

    def _range(self, wanted):
        keys = sorted(key for key in self.entries if wanted.low <= key < wanted.high)
        keys = keys[::-1] if wanted.reverse else keys
        return [(k, self.entries[k] if wanted.values else b"") for k in keys[: wanted.limit]]


def _key(number):
    return b"t\0%04d" % number


def _entries(count):
    return {_key(number): b"%d" % number for number in range(count)}


def test_what_was_read_is_not_asked_for_again():
    server = Server(_entries(10))
    txn = FarTransaction(server, KnownState())
    assert [txn.get(_key(1)), txn.get(_key(1)), txn.get(_key(99)), txn.get(_key(99))] == [
        b"1",
        b"1",
        None,
        None,
    ]
    assert server.round_trips == 2


def test_a_transaction_that_asks_nothing_costs_nothing():
    server = Server({})
    txn = FarTransaction(server, KnownState(), write=True)
    txn.put(b"a", b"1")
    txn.put(b"b", b"2", overwrite=False)
    assert txn.get(b"a") == b"1"
    assert server.round_trips == 0


def test_many_keys_take_one_round_trip():
    server = Server(_entries(1000))
    found = FarTransaction(server, KnownState()).get_many(_key(n) for n in range(0, 1000, 2))
    assert list(found) == [b"%d" % n for n in range(0, 1000, 2)]
    assert server.round_trips == 1


def test_what_is_preloaded_is_there():
    server = Server(_entries(100))
    txn = FarTransaction(server, KnownState())
    txn.preload([_key(1), _key(200)], [Range(_key(10), _key(20), 64)])
    assert txn.get(_key(1)) == b"1"
    assert txn.get(_key(200)) is None
    assert txn.get(_key(15)) == b"15"
    assert list(txn.keys(_key(12), _key(14))) == [_key(12), _key(13)]
    assert [key for key, _ in txn.items(_key(12), _key(14), reverse=True)] == [_key(13), _key(12)]
    assert txn.count(_key(10), _key(20)) == 10
    assert server.round_trips == 1


def test_what_is_known_of_a_state_holds_for_the_next_transaction_on_it():
    server, known = Server(_entries(100)), KnownState()
    ahead = [Range(b"t\0", b"t\1", 16)]
    FarTransaction(server, known, ahead=ahead).get(_key(50))
    txn = FarTransaction(server, known, ahead=ahead)
    assert txn.get(_key(3)) == b"3"
    assert txn.get(_key(50)) == b"50"
    assert server.round_trips == 2  # one to begin with, for each


def test_what_was_known_of_an_older_state_is_asked_for_again():
    server, known = Server(_entries(10)), KnownState()
    FarTransaction(server, known).get(_key(1))
    server.entries[_key(1)], server.serial = b"changed", 2
    txn = FarTransaction(server, known)
    assert txn.get(_key(2)) == b"2"
    assert txn.get(_key(1)) == b"changed"


def test_own_changes_are_known_afterwards():
    server, known = Server(_entries(10)), KnownState()
    txn = FarTransaction(server, known, ahead=[Range(b"t\0", b"t\1", 64)], write=True)
    txn.put(_key(5), b"new")
    assert txn.delete(_key(6))
    assert not txn.delete(_key(77))
    txn.put(_key(70), b"70")
    server.entries.update({_key(5): b"new", _key(70): b"70"})
    del server.entries[_key(6)]
    server.serial = 2
    known.apply(txn.changes, 2)
    after = FarTransaction(server, known)
    assert after.id() == 2
    assert dict(after.items(b"t\0", b"t\1")) == server.entries
    assert server.round_trips == 2


@pytest.mark.parametrize("seed", range(20))
def test_a_transaction_sees_what_a_dictionary_would(seed):
    rnd = random.Random(seed)
    server = Server(_entries(rnd.choice([0, 5, 100, 700])))
    known, model = KnownState(), dict(server.entries)
    for _ in range(6):
        txn = FarTransaction(
            server, known, ahead=[Range(b"t\0", b"t\1", rnd.choice([1, 16]))], write=True
        )
        for _ in range(30):
            _step(rnd, txn, model)
        server.entries = dict(model)
        server.serial += 1
        if rnd.random() < 0.7:
            known.apply(txn.changes, server.serial)


def _step(rnd, txn, model):
    low, high = sorted((_key(rnd.randrange(720)), _key(rnd.randrange(720))))
    what = rnd.randrange(8)
    if what == 0:
        txn.put(low, value := b"%d" % rnd.random().__hash__())
        model[low] = value
    elif what == 1:
        assert txn.delete(low) == (model.pop(low, None) is not None)
    elif what == 2:
        many = {_key(rnd.randrange(720)): b"x" for _ in range(5)}
        txn.put_many(many.items())
        model.update(many)
    elif what == 3 and rnd.random() < 0.2:
        txn.delete_range(low, high)
        for key in [key for key in model if low <= key < high]:
            del model[key]
    elif what == 4:
        assert txn.get(low) == model.get(low)
        assert txn.count(low, high) == sum(low <= key < high for key in model)
    elif what == 5:
        keys = [_key(rnd.randrange(720)) for _ in range(rnd.randrange(50))]
        assert list(txn.get_many(keys)) == [model.get(key) for key in keys]
    else:
        _compare_range(rnd, txn, model, low, high)


def _compare_range(rnd, txn, model, low, high):
    reverse = rnd.random() < 0.5
    expected = sorted(((k, v) for k, v in model.items() if low <= k < high), reverse=reverse)
    most = rnd.choice([1, 3, 1000])
    assert list(islice(txn.items(low, high, reverse=reverse), most)) == expected[:most]
    keys = txn.keys(low, high, reverse=reverse)
    assert list(islice(keys, most)) == [key for key, _ in expected[:most]]


def test_stretches_that_meet_are_one():
    known = KnownState()
    known.learn_range(b"a", b"c", [(b"b", b"1")])
    known.learn_range(b"e", b"g", [(b"f", b"3")])
    assert known.get(b"d") is UNKNOWN
    known.learn_range(b"c", b"e", [(b"d", b"2")])
    assert known.stretch(b"a", b"z") == ([(b"b", b"1"), (b"d", b"2"), (b"f", b"3")], b"g")
    assert known.stretch_back(b"0", b"g") == ([(b"f", b"3"), (b"d", b"2"), (b"b", b"1")], b"a")
    assert known.stretch_back(b"0", b"h") == ([], b"h")
