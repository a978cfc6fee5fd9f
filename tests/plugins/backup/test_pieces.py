"""Pieces: what goes in comes out, and a change stays where it is."""

import random

from debrepo.database import read_entries, write_entries
from debrepo_backup.pieces import cut, entries


def rows(count, seed=1):
    chance = random.Random(seed)
    return [(b"%08d" % number, chance.randbytes(chance.randrange(300))) for number in range(count)]


def test_entries_come_back_in_their_order():
    given = [(b"", b""), (b"a", b"x" * 70_000), (b"b" * 511, b""), *rows(2000)]
    assert [one for plain in cut(given) for one in entries(plain)] == given
    assert list(cut([])) == []


def test_one_change_is_in_one_piece():
    given = rows(20_000)
    before = list(cut(given))
    assert len(before) > 20
    for changed in (
        [*given[:9000], (given[9000][0], b"other"), *given[9001:]],
        [*given[:9000], *given[9001:]],
        [*given[:9000], (given[8999][0] + b"x", b"new"), *given[9000:]],
    ):
        after = list(cut(changed))
        assert len(set(before) - set(after)) <= 2
        assert len(set(after) - set(before)) <= 2


def test_large_values_end_a_piece():
    given = [(b"%08d" % number, bytes(1 << 20)) for number in range(20)]
    assert max(map(len, cut(given))) < 6 << 20


def test_database_is_made_of_entries_in_one_step(tmp_path):
    given = [one for one in rows(30_000) if one[1]]
    (tmp_path / ".db.partial").mkdir()
    (tmp_path / ".db.partial" / "data.mdb").write_bytes(b"half")
    assert write_entries(tmp_path / "db", given) == len(given)
    assert list(read_entries(tmp_path / "db")) == given
    assert [path.name for path in tmp_path.iterdir()] == ["db"]
