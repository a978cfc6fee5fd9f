"""A copy of a database is the same, or it is none, whatever interrupts it."""

import random
from contextlib import closing

import pytest

from debrepo.database import Database, bytes_table
from debrepo.database import transfers as transferring
from debrepo.database.environment import Environment
from debrepo.errors import AlreadyExists, DatabaseError, InvalidInput
from debrepo.refs import TableRef
from debrepo.testing.crashes import crashes

BLOBS = bytes_table("test.blobs")
ZOO = bytes_table("zoo")
TABLES = [
    TableRef("test.blobs", 1, f"{__name__}:BLOBS"),
    TableRef("zoo", 1, f"{__name__}:ZOO"),
    TableRef("core.transfers", 1, "debrepo.database.transfers:TRANSFERS"),
]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Put few entries into each transaction."""
    monkeypatch.setattr(transferring, "_MOST", 16)


@pytest.fixture
def source(tmp_path):
    with closing(Database(tmp_path / "db", TABLES)) as db:
        chance = random.Random(1)
        with db.write() as txn:
            for number in range(200):
                txn[BLOBS][b"%03d" % number] = chance.randbytes(chance.randrange(200))
            txn[ZOO][b"\xff" * 400] = b"last"
            txn[ZOO][b"empty"] = b""
        yield db


@pytest.fixture
def store(tmp_path):
    """A store that is not LMDB's directory to be: another environment."""
    with closing(Environment(tmp_path / "store", 1 << 20, read_only=False)) as environment:
        yield environment


def content(db):
    with db.read() as txn:
        return {name: dict(txn[table].items()) for name, table in (("b", BLOBS), ("z", ZOO))}


def content_of(path):
    with closing(Database(path, TABLES)) as db:
        return content(db)


class Stopped(Exception):
    """Somebody has pulled the plug."""


def stop_after(count):
    steps = []

    def reached(step):
        steps.append(step)
        if len(steps) > count:
            raise Stopped

    return reached, steps


def test_copy_has_everything_and_says_so(source, tmp_path):
    found = source.copy(tmp_path / "copy")
    assert found.entries == 202 + 5  # and a stamp, and the versions of four tables
    assert found.written == found.entries
    assert len(found.digest) == 64
    assert content_of(tmp_path / "copy") == content(source)


def test_equal_databases_have_equal_hashes_wherever_they_are(source, store, tmp_path):
    first = source.copy(tmp_path / "copy")
    second = source.copy(store)
    assert (first.entries, first.digest) == (second.entries, second.digest)
    with closing(Database(tmp_path / "copy", TABLES)) as copied:
        assert copied.copy(tmp_path / "again").digest == first.digest
    with source.write() as txn:
        txn[BLOBS][b"000"] += b"."
    assert source.copy(tmp_path / "other").digest != first.digest


def test_copy_is_no_database_until_the_last_step(source, store, tmp_path):
    reached, steps = stop_after(1000)
    source.copy(store, reached=reached)
    store.close()
    assert steps[0] == "begun"
    assert steps[-3:] == ["copied", "compared", "finished"]
    for count in range(len(steps) - 1):
        path = tmp_path / f"s{count}"
        with closing(Environment(path, 1 << 20, read_only=False)) as half:
            reached, _ = stop_after(count)
            with pytest.raises(Stopped):
                source.copy(half, reached=reached)
        with pytest.raises(
            DatabaseError, match=r"the copy of .*db in .* is not finished"
        ) as caught:
            Database(path, TABLES)
        assert caught.value.hint == 'run "debrepo db copy TO" again where it was begun'


def test_copy_that_was_interrupted_goes_on_where_it_was(source, tmp_path):
    reached, _ = stop_after(6)
    with pytest.raises(Stopped):
        source.copy(tmp_path / "copy", reached=reached)
    assert not (tmp_path / "copy").exists()
    reached, steps = stop_after(1000)
    found = source.copy(tmp_path / "copy", reached=reached)
    assert found.written == found.entries - 6 * 16
    assert len([step for step in steps if step.startswith("up to")]) == 14 - 6
    assert content_of(tmp_path / "copy") == content(source)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "db"]


def test_what_was_written_meanwhile_is_brought_along(source, store):
    reached, _ = stop_after(8)
    with pytest.raises(Stopped):
        source.copy(store, reached=reached)
    with source.write() as txn:
        txn[BLOBS][b"0005"] = b"new"
        txn[BLOBS][b"007"] = b"changed"
        del txn[BLOBS][b"010"]
        txn[BLOBS][b"199"] = b"changed"
    found = source.copy(store)
    assert found.written == found.entries - 8 * 16 + 3
    store.close()
    assert content_of(store._path) == content(source)


def test_finished_copy_follows_its_source_as_long_as_nobody_has_used_it(source, store):
    source.copy(store)
    assert source.copy(store).written == 5  # what makes it a database
    with source.write() as txn:
        txn[BLOBS][b"new"] = b""
    assert source.copy(store).written == 6
    store.close()
    with closing(Database(store._path, TABLES)) as copied:
        assert content(copied) == content(source)
        with copied.write() as txn:
            txn[BLOBS][b"own"] = b""
    with (
        closing(Environment(store._path, 1 << 20, read_only=False)) as again,
        pytest.raises(AlreadyExists, match="was used since it was copied from"),
    ):
        source.copy(again)
    assert b"own" in content_of(store._path)["b"]


def test_writers_go_on_during_a_copy_which_is_of_one_state(source, store):
    before = content(source)

    def write(step):
        with source.write() as txn:
            txn[BLOBS][step.encode()[:100]] = b"meanwhile"
            txn[BLOBS][b"150"] = step.encode()

    source.copy(store, reached=write)
    store.close()
    assert content_of(store._path) == before


def test_target_that_holds_something_else_is_left_alone(source, store, tmp_path):
    with store.transaction(write=True) as raw:
        raw.put(b"mine", b"1")
    with pytest.raises(AlreadyExists, match=r"there is a database in .*store already"):
        source.copy(store)
    with store.transaction(write=False) as raw:
        assert list(raw.items(b"", b"\xff")) == [(b"mine", b"1")]
    (tmp_path / "file").touch()
    for name in ("file", "db"):
        with pytest.raises(AlreadyExists):
            source.copy(tmp_path / name)


def test_copy_of_another_database_is_left_alone(source, store, tmp_path):
    reached, _ = stop_after(3)
    with pytest.raises(Stopped):
        source.copy(store, reached=reached)
    with closing(Database(tmp_path / "other", TABLES)) as other:
        with pytest.raises(AlreadyExists, match=r"store holds a copy of .*db"):
            other.copy(store)
        with pytest.raises(Stopped):
            other.copy(tmp_path / "copy", reached=stop_after(0)[0])
    with pytest.raises(AlreadyExists, match=r"holds a copy of .*other"):
        source.copy(tmp_path / "copy")


def test_database_is_not_copied_to_itself(source):
    with pytest.raises(InvalidInput, match="is the database that is to be copied"):
        source.copy(source._store)


def test_copy_that_differs_is_made_again_from_the_beginning(source, store):
    """As where a backup was restored, whose states have the same numbers."""
    with pytest.raises(Stopped):
        source.copy(store, reached=stop_after(8)[0])
    with store.transaction(write=True) as raw:
        raw.put(b"test.blobs\x00" + b"003", b"another one")
    assert source.copy(store).written > 0
    store.close()
    assert content_of(store._path) == content(source)


def test_copy_that_cannot_be_made_the_same_is_no_database(source, store):
    def damage(step):
        if step == "copied":
            with store.transaction(write=True) as raw:
                raw.put(b"test.blobs\x00" + b"003", b"another one")

    with pytest.raises(DatabaseError, match="is not what was copied"):
        source.copy(store, reached=damage)
    store.close()
    with pytest.raises(DatabaseError, match="is not finished"):
        Database(store._path, TABLES)


def test_large_values_and_many_of_them_are_copied(tmp_path):
    with closing(Database(tmp_path / "db", TABLES)) as source:
        for number in range(8):
            with source.write() as txn:
                txn[BLOBS][b"%d" % number] = bytes([number]) * (3 << 20)
        found = source.copy(tmp_path / "copy")
        assert content_of(tmp_path / "copy") == content(source)
        assert found.entries == 8 + 5


def test_copy_that_is_killed_anywhere_goes_on(source, tmp_path):
    wanted = content(source)
    source.close()

    def copy():
        with closing(Database(tmp_path / "db", TABLES)) as db:
            if not (tmp_path / "copy").exists():
                db.copy(tmp_path / "copy")

    for number, _ in enumerate(crashes(copy, points=30)):
        if number == 0:
            (tmp_path / "copy").rename(tmp_path / "first")
            continue
        copy()
        assert content_of(tmp_path / "copy") == wanted
        (tmp_path / "copy").rename(tmp_path / f"copy{number}")
    assert number == 30
