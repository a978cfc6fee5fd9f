"""A writer is killed at any moment, and nothing that it was told is kept gets lost."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.lmdb

KILLS = 250

# One process forks a writer after the other, and kills each after a random time. A writer
# puts each number into one table, and seven entries for it into another, in one transaction;
# then it tells the number. What is found afterwards has to be whole, and not less than told.
SCRIPT = """
import os, pathlib, random, signal, sys, time
from debrepo.database import Database, bytes_table
from debrepo.refs import TableRef

path, kills = pathlib.Path(sys.argv[1]), int(sys.argv[2])
numbers, parts = bytes_table("test.numbers"), bytes_table("test.parts")
tables = [TableRef("test.numbers", 1, ""), TableRef("test.parts", 1, "")]
chance = random.Random(kills)


def write(told):
    db = Database(path, tables, map_size=1 << 16)
    while True:
        def add(txn):
            last = txn[numbers].last()
            number = b"%08d" % (int(last[0]) + 1 if last else 0)
            txn[numbers][number] = b""
            txn[parts].put_many((number + b"%d" % part, number * 40) for part in range(7))
            if len(txn[numbers]) % 5 == 4:
                txn[parts].discard(b"no such part")
            return number
        os.write(told, db.update(add))


def look():
    db = Database(path, tables, map_size=1 << 16)
    with db.read() as txn:
        found = list(txn[numbers])
        whole = [key[:8] for key, value in txn[parts].items() if value == key[:8] * 40]
    db.close()
    assert found == [b"%08d" % number for number in range(len(found))], "numbers are missing"
    assert whole == [number for number in found for part in range(7)], "half a transaction"
    return len(found)


told_in_all = 0
for kill in range(kills):
    ear, mouth = os.pipe()
    writer = os.fork()
    if writer == 0:
        try:
            write(mouth)
        finally:
            os._exit(1)
    os.close(mouth)
    time.sleep(chance.random() * 0.012)
    os.kill(writer, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(writer, 0)[1]) == -signal.SIGKILL
    told = b""
    while data := os.read(ear, 1 << 16):
        told += data
    os.close(ear)
    count = look()
    if told:
        assert count > int(told[-8:]), f"lost: {told[-8:]} of {count}"
        told_in_all = int(told[-8:])
print("told", told_in_all, "found", count)
"""


def test_nothing_told_is_lost_and_nothing_half_is_found(tmp_path):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "db"), str(KILLS)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    told, found = map(int, result.stdout.split()[1::2])
    assert found > told > 10


def test_killed_reader_does_not_keep_old_pages(open_db, blobs, tmp_path):
    script = (
        "import os, pathlib, signal, sys\n"
        "from debrepo.database import Database\n"
        "with Database(pathlib.Path(sys.argv[1]), []).read():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    open_db().close()
    command = [sys.executable, "-c", script, str(tmp_path / "db")]
    assert subprocess.run(command, check=False).returncode == -9
    db = open_db()
    for _ in range(30):
        db.update(lambda txn: txn[blobs].update({b"key": b"x" * 100_000}))
    assert db.stats()["bytes"] < 1_000_000
