"""Data formats of LMDB: new databases are in the one that everybody reads, others are named."""

import os
import shutil
import subprocess
import sys
from struct import pack_into

import lmdb
import pytest

from debrepo.database import Database, bytes_table
from debrepo.database.formats import format_of, unreadable
from debrepo.errors import AlreadyExists, DatabaseError
from debrepo.refs import TableRef

pytestmark = pytest.mark.lmdb

BLOBS = bytes_table("test.blobs")
TABLES = [TableRef("test.blobs", 1, "")]
OLD, NEW = 1, 3
both = pytest.mark.skipif(
    not hasattr(lmdb.Environment, "lib_version"), reason="this lmdb has one format only"
)

MAKE = """
import pathlib, sys
from debrepo.database import Database
from debrepo.refs import TableRef
Database(pathlib.Path(sys.argv[1]), [TableRef("test.blobs", 1, "")]).close()
"""


@pytest.fixture
def new(tmp_path):
    """A database in the format of LMDB 1.0, as its environment variable makes them."""
    path = tmp_path / "new"
    path.mkdir()
    lmdb.open(str(path), lib_version=1, max_dbs=0).close()
    db = Database(path, TABLES)
    with db.write() as txn:
        for number in range(25_000):
            txn[BLOBS][b"%06d" % number] = bytes(number % 300)
    db.close()
    assert format_of(path) == NEW
    return path


@both
@pytest.mark.parametrize("version", ["0", "1"])
def test_environment_does_not_decide_the_format(tmp_path, version):
    environment = os.environ | {"LMDB_DEFAULT_LIB_VERSION": version}
    subprocess.run([sys.executable, "-c", MAKE, str(tmp_path / "db")], check=True, env=environment)
    assert format_of(tmp_path / "db") == OLD


@both
def test_database_of_lmdb_1_is_read_and_written(new):
    db = Database(new, TABLES)
    with db.write() as txn:
        txn[BLOBS][b"more"] = b"1"
    with db.read() as txn:
        assert len(list(txn[BLOBS].items())) == 25_001
    db.close()


@both
def test_copy_is_in_the_format_that_everybody_reads(new, tmp_path):
    db = Database(new, TABLES)
    assert db.copy(tmp_path / "copy").entries > 25_000
    with db.read() as txn:
        wanted = dict(txn[BLOBS].items())
    db.close()
    assert format_of(tmp_path / "copy") == OLD
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["data.mdb"]
    copied = Database(tmp_path / "copy", TABLES)
    with copied.read() as txn:
        assert dict(txn[BLOBS].items()) == wanted
    copied.close()


def test_copy_of_an_ordinary_database_is_the_same(tmp_path):
    db = Database(tmp_path / "db", TABLES)
    with db.write() as txn:
        txn[BLOBS][b"one"] = b"1"
    db.copy(tmp_path / "copy")
    with pytest.raises(AlreadyExists):
        db.copy(tmp_path / "copy")
    db.close()
    copied = Database(tmp_path / "copy", TABLES)
    with copied.read() as txn:
        assert dict(txn[BLOBS].items()) == {b"one": b"1"}
    copied.close()


def test_copy_makes_its_map_as_large_as_it_has_to_be(tmp_path):
    db = Database(tmp_path / "db", TABLES, map_size=1 << 20)
    with db.write() as txn:
        for number in range(300):
            txn[BLOBS][b"%03d" % number] = bytes(1000)
    db.copy(tmp_path / "copy")
    db.close()


@both
def test_format_that_this_lmdb_does_not_read_is_named_with_what_to_install(new, tmp_path):
    data = bytearray((new / "data.mdb").read_bytes())
    page = 4096
    for place in (24, page + 24):
        pack_into("=I", data, place + 4, 9)
    (new / "data.mdb").write_bytes(data)
    with pytest.raises(DatabaseError, match=r"in the format of another LMDB \(9\)") as caught:
        Database(new, TABLES)
    assert "pip install 'lmdb>=3'" in caught.value.hint


@both
def test_format_of_lmdb_1_is_named(new):
    """lmdb 1.4.1 says of it: MDB_INVALID, no LMDB file."""
    error = unreadable(new)
    assert error is not None
    assert "is in the format of LMDB 1.0, which lmdb " in str(error)
    assert "lmdb>=3" in error.hint
    assert "debrepo db copy" in error.hint


def test_what_is_no_database_is_of_no_format(tmp_path):
    assert format_of(tmp_path) == 0
    (tmp_path / "data.mdb").write_bytes(b"short")
    assert format_of(tmp_path) == 0
    assert unreadable(tmp_path) is None
    with pytest.raises(DatabaseError):
        Database(tmp_path, TABLES)
    shutil.rmtree(tmp_path)
