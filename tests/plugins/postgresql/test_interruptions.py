"""A connection that is lost at any step leaves nothing half done, and a change is made once."""

import threading
from contextlib import suppress

import pytest

from debrepo.database import Database, bytes_table
from debrepo.database.asking import Steady
from debrepo.errors import Conflict, DatabaseBusy, DatabaseError
from debrepo.refs import TableRef
from debrepo_postgresql import plugin
from debrepo_postgresql.connection import Connection, Lost
from debrepo_postgresql.store import PostgresqlStore

BLOBS = bytes_table("test.blobs")
TABLES = [TableRef(BLOBS.name, 1, "")]
OPTIONS = {one.name.partition(".")[2]: one.default for one in plugin.debrepo_settings()}


@pytest.fixture
def open_db(url, tmp_path):
    opened = []

    def open_(**options):
        store = PostgresqlStore.open(url, OPTIONS | options, tmp_path, read_only=False)
        opened.append(Database(tmp_path, TABLES, store=store))
        return opened[-1]

    yield open_
    for db in opened:
        db.close()


@pytest.fixture
def db(open_db):
    db = open_db()
    with db.write() as txn:
        txn[BLOBS][b"count"] = b"0"
        txn[BLOBS].put_many((b"%03d" % number, b"") for number in range(200))
    return db


@pytest.fixture
def cut(postgresql, url, monkeypatch):
    """End all connections before, or after, a question is asked; count from now on."""
    real = {name: getattr(Connection, name) for name in ("_send", "_receive")}

    def cut(number, when="_send"):
        asked = iter(range(1, 1000))

        def cutting(self, *args):
            if next(asked) != number:
                return real[when](self, *args)
            if when == "_receive":
                real[when](self, *args)
                self.close()
                raise Lost("cut")
            postgresql.disconnect(url.rpartition("/")[2])
            return real[when](self, *args)

        monkeypatch.setattr(Connection, when, cutting)

    return cut


def increase(txn):
    count = int(txn[BLOBS][b"count"]) + 1
    list(txn[BLOBS].range(b"000", b"100"))
    txn[BLOBS][b"count"] = b"%d" % count
    txn[BLOBS].put_many((b"%03d %d" % (count, part), b"x") for part in range(3))
    return count


def count(db):
    with db.read() as txn:
        parts = [key for key in txn[BLOBS].range_keys(b"001 ") if b" " in key]
        return int(txn[BLOBS][b"count"]), len(parts)


@pytest.mark.parametrize("when", ["_send", "_receive"])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_update_is_made_once_though_the_connection_is_lost(db, cut, monkeypatch, step, when):
    cut(step, when)
    assert db.update(increase) == 1
    monkeypatch.undo()
    assert count(db) == (1, 3)


@pytest.mark.parametrize("step", [2, 3, 4])
def test_block_that_loses_its_connection_changes_nothing(db, cut, monkeypatch, step):
    cut(step)
    told = []
    with suppress(DatabaseBusy), db.write() as txn:  # where it was not in the way, it is done
        txn.after_commit(lambda: told.append("committed"))
        increase(txn)
    monkeypatch.undo()
    assert count(db) == ((1, 3) if told else (0, 0))


def test_block_that_loses_its_connection_says_that_nothing_was_changed(
    db, open_db, postgresql, url
):
    busy = pytest.raises(DatabaseBusy, match="was lost")
    with busy as caught, open_db().write() as txn:
        assert txn[BLOBS].get(b"never there") is None
        txn[BLOBS][b"count"] = b"7"
        postgresql.disconnect(url.rpartition("/")[2])
        txn[BLOBS].get(b"never asked for")
    assert caught.value.hint == "nothing was changed; do it again"
    assert count(db) == (0, 0)


def test_reader_goes_on_where_nothing_has_changed(db, open_db, postgresql, url):
    with open_db().read() as txn:
        walk = txn[BLOBS].range_keys()
        first = next(walk)
        postgresql.disconnect(url.rpartition("/")[2])
        assert len([first, *walk]) == 201


def test_reader_does_not_mix_two_states(db, open_db, postgresql, url):
    with open_db().read() as txn:  # which does not know of all that was ever written
        assert txn[BLOBS][b"count"] == b"0"
        db.update(increase)
        postgresql.disconnect(url.rpartition("/")[2])
        with pytest.raises(DatabaseBusy, match="was lost"):
            txn[BLOBS].get(b"never asked for")
    assert count(db) == (1, 3)


def test_commit_that_nobody_can_tell_of_says_so(open_db, cut, monkeypatch):
    db = open_db(reconnect=0)
    unknown = pytest.raises(DatabaseError, match="it is not known whether it was")
    with unknown as caught, db.write() as txn:
        assert txn.serial  # it has begun
        txn[BLOBS][b"a"] = b"1"
        monkeypatch.setattr(Connection, "_send", _lose)
    assert "look whether the change is there" in caught.value.hint


def _lose(self, commands):
    raise Lost("cut")


def test_server_that_is_restarted_costs_a_wait(db, postgresql):
    numbers = []
    restarted = threading.Event()

    def work():
        while not restarted.is_set() or len(numbers) < 5:
            numbers.append(db.update(increase))
            db.update(lambda txn: txn[BLOBS].put_many([(b"other", b"1")]))

    worker = threading.Thread(target=work)
    worker.start()
    for mode in ("fast", "immediate"):
        postgresql.restart(mode)
    restarted.set()
    worker.join(60)
    assert numbers == list(range(1, len(numbers) + 1))
    assert count(db) == (len(numbers), 3 * len(numbers))


def test_writer_that_does_nothing_is_ended(open_db, db):
    hanging = open_db(transaction_timeout=1)
    with pytest.raises(DatabaseBusy, match="took too long"), hanging.write() as txn:
        assert txn.serial  # it has begun
        txn[BLOBS][b"count"] = b"7"
        assert db.update(increase) == 1  # it waits until the other is ended
    assert count(db) == (1, 3)


def test_work_that_has_seen_a_state_is_undone_when_another_writes(db, open_db):
    """Work under a lease goes on with what it has seen; `update` does it again on what is there."""
    store, other = db._store, open_db()
    steady = Steady()
    with store.transaction(write=False, ahead=[b"test.blobs\0count"], steady=steady) as txn:
        assert txn.get(b"test.blobs\0count") == b"0"
    before = store.round_trips
    with store.transaction(write=False, steady=steady) as txn:
        assert txn.get(b"test.blobs\0count") == b"0"
    with store.transaction(write=True, steady=steady) as txn:
        txn.put(b"test.blobs\0count", b"1")
    with store.transaction(write=True, steady=steady) as txn:
        assert txn.get(b"test.blobs\0count") == b"1"
        txn.put(b"test.blobs\0count", b"2")
    assert store.round_trips - before == 2
    other.update(increase)
    with (
        pytest.raises(Conflict, match="changed by another writer"),
        store.transaction(write=True, steady=steady) as txn,
    ):
        txn.put(b"test.blobs\0count", b"9")
    with store.transaction(write=True, steady=steady) as txn:
        assert txn.get(b"test.blobs\0count") == b"3"
        txn.put(b"test.blobs\0count", b"4")
    store.release(steady)
    assert count(db)[0] == 4
