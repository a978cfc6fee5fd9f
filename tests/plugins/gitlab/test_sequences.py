"""Sequences: rows are found by their places, however they came and went."""

import random
from bisect import bisect_left
from zlib import crc32

import pytest

from debrepo.database.tables import TableView
from debrepo_gitlab.listed_orders import ORDERED
from debrepo_gitlab.sequences import Backwards, Line, Sequence, Stretch


@pytest.fixture
def reads(monkeypatch):
    """The keys that were read, of any table."""
    found = []
    get = TableView.get

    def counting(self, key, default=None):
        found.append(key)
        return get(self, key, default)

    monkeypatch.setattr(TableView, "get", counting)
    return found


@pytest.mark.parametrize("bits", [1, 2, 6])
@pytest.mark.parametrize("seed", range(3))
def test_rows_are_those_of_a_sorted_list(session, monkeypatch, bits, seed):
    monkeypatch.setattr("debrepo_gitlab.sequences._BITS", bits)
    chance = random.Random(seed)
    model = {}
    with session.db.write() as txn:
        for _ in range(40):
            most = chance.choice([0, 0, 1, 3, 50, 1000])
            gone = chance.sample(sorted(model), min(len(model), most))
            keys = {b"%03d" % chance.randrange(999) for _ in range(chance.choice([0, 1, 5, 200]))}
            come = [Line(key, b"name %d" % chance.randrange(9), b"text") for key in keys]
            Sequence(txn[ORDERED], b"1 n").change(gone, come)
            model = {key: row for key, row in model.items() if key not in gone}
            model |= {row.key: row for row in come}
            wanted = [model[key] for key in sorted(model)]
            found = Sequence(txn[ORDERED], b"1 n")
            assert len(found) == len(wanted)
            assert found.lines(0, len(found)) == wanted
            assert bool(wanted) or not txn[ORDERED]
            for _ in range(4):
                start, stop = sorted(chance.randrange(len(wanted) + 3) for _ in range(2))
                assert found.lines(start, stop) == wanted[start:stop]
                key = b"%03d" % chance.randrange(1100)
                assert found.rank(key) == bisect_left(sorted(model), key)
                rows = Backwards(Stretch(found, 0, len(found)))
                assert rows[start:stop] == [row.key for row in wanted[::-1][start:stop]]


def test_key_that_begins_a_block_of_each_level_is_stored(session):
    begins = b"k000000\xb9i\x80\xf1"
    assert not crc32(begins)
    lines = [Line(key, b"", b"") for key in (b"a", begins, b"z")]
    with session.db.write() as txn:
        Sequence(txn[ORDERED], b"1 n").change((), lines)
        found = Sequence(txn[ORDERED], b"1 n")
        assert found.lines(0, 3) == lines
        assert found.rank(b"z") == 2
        found.change([begins], ())
        assert Sequence(txn[ORDERED], b"1 n").lines(0, 3) == [lines[0], lines[2]]


def test_sequences_of_a_table_do_not_meet(session):
    with session.db.write() as txn:
        for owner in (b"1 n", b"1 v", b"11 n", b"group:1 n"):
            lines = [Line(b"%03d" % n, owner, b"") for n in range(300)]
            Sequence(txn[ORDERED], owner).change((), lines)
        Sequence(txn[ORDERED], b"1 n").change([b"%03d" % n for n in range(300)], ())
        assert len(Sequence(txn[ORDERED], b"1 n")) == 0
        for owner in (b"1 v", b"11 n", b"group:1 n"):
            found = Sequence(txn[ORDERED], owner)
            assert {row.name for row in found.lines(0, 300)} == {owner}


def test_place_is_found_with_few_reads_in_a_sequence_of_any_size(session, reads):
    with session.db.write() as txn:
        for size in (300, 30_000):
            lines = [Line(b"%06d" % n, b"name", b"text") for n in range(size)]
            Sequence(txn[ORDERED], b"%d n" % size).change((), lines)
    most = {}
    with session.db.read() as txn:
        for size in (300, 30_000):
            costs = []
            for place in range(0, size, size // 20):
                reads.clear()
                found = Sequence(txn[ORDERED], b"%d n" % size)
                assert len(found.lines(place, place + 20)) == min(20, size - place)
                found.rank(b"%06d" % place)
                costs.append(len(reads))
            most[size] = max(costs)
    assert most[300] <= 12
    assert most[30_000] <= most[300] + 10  # two levels more, and blocks of any length


def test_change_reads_and_writes_the_blocks_that_it_is_about(session, reads):
    with session.db.write() as txn:
        lines = [Line(b"%06d" % n, b"name", b"text") for n in range(30_000)]
        Sequence(txn[ORDERED], b"1 n").change((), lines)
    with session.db.write() as txn:
        for key in (b"000000", b"015000", b"015000x", b"029999", b"9"):
            reads.clear()
            found = Sequence(txn[ORDERED], b"1 n")
            found.change([key], [Line(key + b"y", b"name", b"text")])
            assert len(reads) < 30
