import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from debrepo.database.gate import Gate
from debrepo.errors import DatabaseBusy, DatabaseFull

pytestmark = pytest.mark.lmdb

SMALL = 1 << 16
LARGE = b"x" * 20_000

# Opens with a small map and writes what the arguments say: first key, number of keys.
WRITE = """
import pathlib, sys
from debrepo.database import Database, bytes_table
from debrepo.refs import TableRef
path, first, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
blobs = bytes_table("test.blobs")
db = Database(pathlib.Path(path), [TableRef("test.blobs", 1, "")], map_size=1 << 16)
for key in range(first, first + number):
    db.update(lambda txn: txn[blobs].update({b"%05d" % key: b"x" * 20_000}))
"""


@pytest.fixture
def small(open_db):
    return open_db(map_size=SMALL)


@pytest.fixture
def elsewhere(tmp_path):
    """Start a process that writes into the same database."""

    def start(first, number):
        command = [sys.executable, "-c", WRITE, str(tmp_path / "db"), str(first), str(number)]
        return subprocess.Popen(command)

    return start


def fill(table, number):
    return lambda txn: txn[table].update({b"%05d" % key: LARGE for key in range(number)})


def test_update_does_again_what_was_too_large_for_the_map(small, blobs):
    runs = []

    def change(txn):
        runs.append(len(txn[blobs]))
        fill(blobs, 100)(txn)

    small.update(change)
    assert len(runs) > 1
    assert set(runs) == {0}
    with small.read() as txn:
        assert len(txn[blobs]) == 100


def test_write_asks_to_be_done_again_when_the_map_was_too_small(small, blobs):
    change = fill(blobs, 4)
    with pytest.raises(DatabaseFull) as caught, small.write() as txn:
        change(txn)
    assert caught.value.hint == "it is larger now; do it again"
    with small.write() as txn:
        change(txn)


def test_small_writes_never_meet_the_end_of_the_map(small, blobs):
    for key in range(200):
        with small.write() as txn:
            txn[blobs][b"%d" % key] = b"x" * 2_000
    assert small.stats()["map_size"] > SMALL


def test_actions_of_an_attempt_that_failed_are_forgotten(small, blobs):
    seen = []

    def change(txn):
        txn.after_commit(lambda: seen.append("ran"))
        txn.when_over(lambda: seen.append("over"))
        fill(blobs, 100)(txn)

    small.update(change)
    assert seen == ["ran", "over"]


def test_map_grows_under_the_readers_of_other_threads(small, blobs):
    done = Event()

    def look():
        while not done.wait(0.0005):
            with small.read() as txn:
                assert all(value == LARGE for value in txn[blobs].values())

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(look) for _ in range(3)]
        try:
            for number in range(0, 100, 20):
                small.update(fill(blobs, number))
        finally:
            done.set()
        for reader in readers:
            reader.result()


def test_thread_that_looks_itself_is_told_that_the_map_cannot_grow(small, blobs):
    with small.read(), pytest.raises(DatabaseBusy, match="this thread has a transaction open"):
        small.update(fill(blobs, 100))
    small.update(fill(blobs, 100))


def test_forgotten_transaction_of_another_thread_is_an_error_not_a_deadlock():
    gate = Gate(patience=0.01)
    gate.enter(thread=-1)
    with pytest.raises(DatabaseBusy, match="another thread keeps a transaction"), gate.alone():
        pass
    gate.leave(thread=-1)
    with gate.alone():
        pass


def test_serial_is_that_of_the_next_reader_whoever_wrote(small, blobs, elsewhere):
    before = small.serial()
    small.update(fill(blobs, 1))
    with small.read() as txn:
        assert before < small.serial() == txn.serial
    before = small.serial()
    assert elsewhere(0, 1).wait() == 0
    with small.read() as txn:
        assert before < txn.serial == small.serial()


def test_serial_is_not_waited_for(small):
    with small._store._gate.alone():
        assert small.serial() is None
    assert small.serial() is not None


def test_growth_by_another_process_is_seen_by_readers_and_writers(small, blobs, elsewhere):
    assert elsewhere(0, 50).wait() == 0
    with small.read() as txn:
        assert len(txn[blobs]) == 50
    assert elsewhere(50, 100).wait() == 0
    with small.write() as txn:
        assert len(txn[blobs]) == 150


def test_growth_by_another_process_does_not_disturb_an_open_reader(small, blobs, elsewhere):
    with small.read() as txn:
        assert elsewhere(0, 50).wait() == 0
        assert len(txn[blobs]) == 0
        with pytest.raises(DatabaseBusy, match="has to grow"), small.read():
            pass
    with small.read() as txn:
        assert len(txn[blobs]) == 50


def test_processes_that_grow_the_map_against_each_other_lose_nothing(small, blobs, elsewhere):
    processes = [elsewhere(first, 40) for first in (0, 100, 200)]
    for key in range(300, 340):
        small.update(lambda txn, key=key: txn[blobs].update({b"%05d" % key: LARGE}))
    assert [process.wait() for process in processes] == [0, 0, 0]
    with small.read() as txn:
        assert len(txn[blobs]) == 160


def limited(script, *arguments, bytes_):
    """Run a script with little address space."""
    prelude = f"import resource\nresource.setrlimit(resource.RLIMIT_AS, ({bytes_}, {bytes_}))\n"
    command = [sys.executable, "-c", prelude + script, *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


OPEN = """
import pathlib, sys
from debrepo.database import Database, bytes_table
from debrepo.errors import DatabaseError
from debrepo.refs import TableRef
blobs = bytes_table("test.blobs")
try:
    db = Database(pathlib.Path(sys.argv[1]), [TableRef("test.blobs", 1, "")])
    with db.read() as txn:
        print(len(txn[blobs]))
    for i in range(400):
        db.update(lambda txn: txn[blobs].update({b"%d" % i: b"x" * 1_000_000}))
except DatabaseError as error:
    print(type(error).__name__, error, error.hint)
"""


def test_little_address_space_is_enough_for_a_small_database(db, blobs, tmp_path):
    db.update(fill(blobs, 3))
    result = limited(OPEN, tmp_path / "db", bytes_=300 << 20)
    assert result.stderr == ""
    assert result.stdout.startswith("3\nDatabaseFull the database in ")
    assert result.stdout.endswith('raise the limit of this process, which "ulimit -v" shows\n')


def test_database_larger_than_the_address_space_is_refused(db, blobs, tmp_path):
    db.update(lambda txn: txn[blobs].update({b"%d" % i: b"x" * (1 << 20) for i in range(200)}))
    result = limited(OPEN, tmp_path / "db", bytes_=150 << 20)
    assert result.stderr == ""
    assert result.stdout.startswith("DatabaseError")
    assert "does not fit into the address space allowed" in result.stdout
