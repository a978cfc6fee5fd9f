"""What every store must do that holds a database, whatever it is kept in."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing, suppress
from hashlib import sha256
from random import Random
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from debrepo.database import Database
from debrepo.errors import Conflict, DatabaseError, InvalidInput
from debrepo.testing.database_work import (
    BLOBS,
    COUNT,
    LATER,
    LIFTED,
    OTHERS,
    TABLES,
    database,
    increase,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from debrepo.database import Transaction
    from debrepo.database.store import Store

# Does its work on a store in a process of its own, and says what is done.
_ELSEWHERE = """
{code}
import sys
from debrepo.testing import database_work
database_work.work(store, *sys.argv[1:])
"""


class DatabaseContract:
    """Subclass this, and define ``code``."""

    @pytest.fixture
    def code(self, tmp_path: Path) -> str:
        """Return Python that opens a store, the same in each process, and calls it ``store``.

        It is empty when a test begins. The name ``read_only`` says how it is opened.
        """
        raise NotImplementedError

    @pytest.fixture
    def open_store(self, code: str) -> Callable[..., Store]:
        """Return what opens the store in this process."""

        def open_(*, read_only: bool = False) -> Store:
            names: dict[str, Any] = {"read_only": read_only}
            exec(code, names)  # noqa: S102  # the author of the test has written it
            store: Store = names["store"]
            return store

        return open_

    @pytest.fixture
    def db(self, open_store: Callable[..., Store]) -> Iterator[Database]:
        """Return a database on the store."""
        with closing(database(open_store())) as db:
            yield db

    @pytest.fixture
    def elsewhere(self, code: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
        """Return what does work in another process."""
        started: list[subprocess.Popen[str]] = []

        def start(what: str, number: int = 0) -> subprocess.Popen[str]:
            script = _ELSEWHERE.format(code=f"read_only = False\n{code}")
            command = [sys.executable, "-c", script, what, str(number)]
            started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            return started[-1]

        yield start
        for process in started:
            with process:
                process.kill()

    def test_entries_come_in_the_order_of_their_bytes(self, db: Database) -> None:
        keys = [b"a", b"a\0", b"a\0\0", b"a\1", b"a\xff", b"aa", b"b", b"\xff", b"\xff\xff", b"\0"]
        with db.write() as txn:
            txn[OTHERS][b"a"] = b"of another table"
            for key in keys:
                txn[BLOBS][key] = key[::-1]
        with db.read() as txn:
            blobs = txn[BLOBS]
            assert list(blobs) == sorted(keys)
            assert list(reversed(blobs)) == sorted(keys, reverse=True)
            assert [key for key, _ in blobs.range(b"a\0", b"b")] == [
                b"a\0", b"a\0\0", b"a\1", b"aa", b"a\xff",
            ]  # fmt: skip
            assert list(blobs.range(b"a\1", b"a\xff", reverse=True)) == [
                (b"aa", b"aa"),
                (b"a\1", b"\1a"),
            ]
            assert list(blobs.range_keys(b"b", b"a")) == []
            assert list(blobs.prefix_keys(b"a\0")) == [b"a\0", b"a\0\0"]
            assert list(blobs.prefix_keys(b"\xff")) == [b"\xff", b"\xff\xff"]
            assert blobs.first() == (b"\0", b"\0")
            assert blobs.last() == (b"\xff\xff", b"\xff\xff")
            assert len(blobs) == len(keys)
            assert list(txn[OTHERS].values()) == [b"of another table"]

    @pytest.mark.parametrize("seed", range(6))
    def test_transactions_do_what_a_dictionary_does(self, db: Database, seed: int) -> None:
        chance = Random(seed)  # noqa: S311
        stored: dict[bytes, bytes] = {}
        for _ in range(8):
            model = dict(stored)
            with suppress(ZeroDivisionError):
                with db.write() as txn:
                    for _ in range(chance.randrange(40)):
                        _step(chance, txn, model)
                    _ = 1 / chance.randrange(4)  # some are undone
                stored = model
            with db.read() as txn:
                assert dict(txn[BLOBS].items()) == stored

    def test_writer_sees_its_own_changes_and_nobody_else_does(self, db: Database) -> None:
        with db.write() as txn:
            txn[BLOBS][b"kept"] = b"1"
            txn[BLOBS][b"gone"] = b"1"
        with db.write() as txn:
            txn[BLOBS][b"kept"] = b"2"
            txn[BLOBS][b"new"] = b""
            del txn[BLOBS][b"gone"]
            assert list(txn[BLOBS].items()) == [(b"kept", b"2"), (b"new", b"")]
            assert not txn[BLOBS].discard(b"gone")
            assert _in_thread(lambda: _all(db)) == [(b"gone", b"1"), (b"kept", b"1")]
        assert _all(db) == [(b"kept", b"2"), (b"new", b"")]

    def test_what_is_undone_was_never_there(self, db: Database) -> None:
        told: list[str] = []
        with pytest.raises(ZeroDivisionError), db.write() as txn:
            txn.after_commit(lambda: told.append("committed"))
            txn.when_over(lambda: told.append("over"))
            txn[BLOBS].put_many((b"%d" % n, b"x" * 100) for n in range(1000))
            _ = 1 / 0
        assert told == ["over"]
        assert _all(db) == []

    def test_what_is_committed_is_told_afterwards(self, db: Database) -> None:
        told: list[object] = []

        def change(txn: Transaction) -> str:
            txn.after_commit(lambda: told.append(_all(db)))
            txn.when_over(lambda: told.append("over"))
            txn[BLOBS][b"a"] = b"1"
            return "done"

        assert db.update(change) == "done"
        assert told == [[(b"a", b"1")], "over"]

    def test_reader_sees_one_state_and_waits_for_nobody(self, db: Database) -> None:
        with db.write() as txn:
            txn[BLOBS].put_many((b"%04d" % n, b"old") for n in range(3000))
        writing, read = Event(), Event()

        def write() -> None:
            with db.write() as txn:
                txn[BLOBS].put_many((b"%04d" % n, b"new") for n in range(0, 6000, 2))
                writing.set()
                assert read.wait(60)

        with db.read() as txn:
            walk = txn[BLOBS].range()
            next(walk)
            writer = Thread(target=write)
            writer.start()
            assert writing.wait(60)
            assert txn[BLOBS][b"0002"] == b"old"  # the writer has not committed
            read.set()
            writer.join()
            assert {value for _, value in walk} == {b"old"}
            assert len(txn[BLOBS]) == 3000
            assert txn[BLOBS].get(b"4000") is None
        with db.read() as txn:
            assert len(txn[BLOBS]) == 4500

    def test_threads_lose_no_update(self, db: Database) -> None:
        def count() -> None:
            for turn in range(20):
                if turn % 2:
                    db.update(increase)
                else:
                    _insist(db)

        threads = [Thread(target=count) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with db.read() as txn:
            assert txn[BLOBS][COUNT] == b"100"

    def test_processes_lose_no_update(
        self, db: Database, elsewhere: Callable[..., subprocess.Popen[str]]
    ) -> None:
        others = [elsewhere("count", 25) for _ in range(3)]
        for _ in range(25):
            db.update(increase)
        assert [other.wait(120) for other in others] == [0, 0, 0]
        with db.read() as txn:
            assert txn[BLOBS][COUNT] == b"100"

    def test_second_write_in_a_thread_is_an_error(self, db: Database) -> None:
        with db.write(), pytest.raises(RuntimeError, match="is open already"), db.write():
            pass

    def test_serial_grows_with_each_change(self, db: Database) -> None:
        serials = []
        for number in range(3):
            with db.write() as txn:
                txn[BLOBS][b"a"] = b"%d" % number
                serials.append(txn.serial)
            assert db.serial() == serials[-1]
            with db.read() as txn:
                assert txn.serial == serials[-1]
        assert serials == sorted(set(serials))

    def test_key_has_1_to_511_bytes(self, db: Database) -> None:
        long = b"k" * (511 - len(BLOBS.name) - 1)
        with db.write() as txn:
            txn[BLOBS][long] = b"1"
        with pytest.raises(InvalidInput, match="too long"), db.write() as txn:
            txn[BLOBS][long + b"k"] = b"1"
        with pytest.raises(InvalidInput, match="too long"), db.write() as txn:
            txn[BLOBS].put_many([(long + b"k", b"1")])
        assert _all(db) == [(long, b"1")]

    def test_values_of_many_megabytes_come_back_whole(self, db: Database) -> None:
        chance = Random(1)  # noqa: S311
        values = {b"%d" % size: chance.randbytes(size) for size in (0, 1, 1 << 20, 24 << 20)}
        db.update(lambda txn: txn[BLOBS].put_many(values.items()))
        with db.read() as txn:
            for key, value in txn[BLOBS].items():
                assert sha256(value).digest() == sha256(values[key]).digest()

    def test_changes_of_many_megabytes_are_made_at_once(self, db: Database) -> None:
        count = 40_000

        def fill(txn: Transaction) -> None:
            txn[BLOBS].put_many((b"%06d" % n, b"%0500d" % n) for n in range(count))
            del txn[BLOBS][b"000007"]
            txn[BLOBS][b"000008"] = b"changed"
            assert len(txn[BLOBS]) == count - 1
            assert txn[BLOBS].get(b"000007") is None
            assert [*txn[BLOBS].range_keys(b"000006", b"00001")] == [
                b"000006", b"000008", b"000009",
            ]  # fmt: skip

        db.update(fill)
        with db.read() as txn:
            assert txn[BLOBS][b"000008"] == b"changed"
            assert sum(len(value) for _, value in txn[BLOBS].items()) == 500 * (count - 2) + 7
        db.update(lambda txn: txn[BLOBS].clear())
        assert _all(db) == []

    def test_many_values_come_in_the_order_of_their_keys(self, db: Database) -> None:
        db.update(lambda txn: txn[BLOBS].put_many((b"%d" % n, b"%d" % n) for n in range(1000)))
        wanted = [b"%d" % number for number in (*range(1100, 0, -1), 5, 5)]
        with db.read() as txn:
            found = [*txn[BLOBS].get_many(wanted)]
        assert found == [one if int(one) < 1000 else None for one in wanted]

    def test_older_records_are_lifted_when_it_is_opened(
        self, open_store: Callable[..., Store]
    ) -> None:
        with closing(database(open_store())) as db, db.write() as txn:
            txn[BLOBS][b"a"] = b"1"
        with closing(database(open_store(), LATER)) as db, db.read() as txn:
            assert dict(txn[LIFTED].items()) == {b"a": b"1!"}
        with closing(open_store()) as store, pytest.raises(DatabaseError, match="has version 2"):
            database(store)

    def test_store_for_reading_is_not_written_to(self, open_store: Callable[..., Store]) -> None:
        with closing(database(open_store())) as db, db.write() as txn:
            txn[BLOBS][b"a"] = b"1"
        with closing(database(open_store(read_only=True))) as db:
            assert _all(db) == [(b"a", b"1")]
            with pytest.raises(DatabaseError, match="it was opened for reading"), db.write():
                pass

    def test_store_for_reading_is_not_made(self, open_store: Callable[..., Store]) -> None:
        with pytest.raises(DatabaseError):
            database(open_store(read_only=True))

    def test_copies_are_databases_in_lmdb(self, db: Database, tmp_path: Path) -> None:
        values = {b"%04d" % number: b"x" * number for number in range(2000)}
        db.update(lambda txn: txn[BLOBS].put_many(values.items()))
        db.backup(tmp_path / "backup")
        assert db.copy(tmp_path / "copy").entries > len(values)
        for name in ("backup", "copy"):
            with closing(Database(tmp_path / name, TABLES)) as copied, copied.read() as txn:
                assert (name, dict(txn[BLOBS].items()) == values) == (name, True)

    def test_database_is_copied_into_it_and_is_one_in_the_end(
        self, open_store: Callable[..., Store], tmp_path: Path
    ) -> None:
        values = {b"%04d" % number: b"x" * number for number in range(2000)}
        with closing(Database(tmp_path / "source", TABLES)) as source:
            source.update(lambda txn: txn[BLOBS].put_many(values.items()))
            with closing(open_store()) as target:
                first = source.copy(target)
            source.update(lambda txn: txn[BLOBS].put_many([(b"later", b"")]))
            with closing(open_store()) as target:
                second = source.copy(target)
        assert (first.written, second.entries) == (first.entries, first.entries + 1)
        assert second.written < 10
        with closing(database(open_store())) as db:
            assert len(_all(db)) == len(values) + 1

    def test_stats_tell_of_size_and_entries(self, db: Database) -> None:
        db.update(lambda txn: txn[BLOBS].put_many((b"%d" % n, b"") for n in range(10)))
        stats = db.stats()
        assert stats["bytes"] > 0
        assert stats["serial"] == db.serial()
        assert stats["tables"][BLOBS.name] == 10

    def test_writer_that_is_killed_leaves_all_of_a_change_or_nothing(
        self, db: Database, elsewhere: Callable[..., subprocess.Popen[str]]
    ) -> None:
        chance = Random(2)  # noqa: S311
        for _ in range(6):
            writer = elsewhere("pairs")
            assert writer.stdout is not None
            said = [int(writer.stdout.readline()) for _ in range(chance.randrange(1, 8))]
            writer.kill()
            rest, _ = writer.communicate()
            acknowledged = [*said, *map(int, rest.split("\n")[:-1])][-1]
            with db.write() as txn:  # nobody is left in the way
                count = int(txn[BLOBS][COUNT])
                assert count >= acknowledged
                assert txn[OTHERS][b"last"] == b"%d" % count
                assert len(txn[OTHERS]) == 50 * count + 1


def _step(chance: Random, txn: Transaction, model: dict[bytes, bytes]) -> None:
    """Do one thing to a transaction and to a dictionary, and compare what they say."""
    blobs = txn[BLOBS]
    low, high = sorted(b"%02d" % chance.randrange(100) for _ in range(2))
    match chance.randrange(8):
        case 0 | 1:
            blobs[low] = model[low] = b"%d" % chance.randrange(10)
        case 2:
            many = {b"%02d" % chance.randrange(100): b"many" for _ in range(9)}
            blobs.put_many(many.items())
            model.update(many)
        case 3:
            assert blobs.discard(high) == (model.pop(high, None) is not None)
        case 4:
            assert blobs.get(low) == model.get(low)
            assert (high in blobs) == (high in model)
        case 5:
            keys = [b"%02d" % chance.randrange(100) for _ in range(chance.randrange(20))]
            assert [*blobs.get_many(keys)] == [model.get(key) for key in keys]
        case 6 if chance.random() < 0.2:
            blobs.clear()
            model.clear()
        case _:
            inside = sorted(item for item in model.items() if low <= item[0] < high)
            assert [*blobs.range(low, high)] == inside
            assert [*blobs.range(low, high, reverse=True)] == inside[::-1]
            assert len(blobs) == len(model)
            assert bool(blobs) == bool(model)


def _all(db: Database) -> list[tuple[bytes, bytes]]:
    with db.read() as txn:
        return list(txn[BLOBS].items())


def _insist(db: Database) -> None:
    """Increase the count in a block, which a store may undo."""
    while True:
        try:
            with db.write() as txn:
                increase(txn)
        except Conflict:
            continue
        return


def _in_thread(function: Callable[[], object]) -> object:
    found: list[object] = []
    thread = Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]
