"""What was read of the database does not stay in memory for good."""

import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lmdb


def mapped():
    """Return how many bytes of files this process has in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssFile"))


@pytest.fixture
def large(open_db, blobs):
    db = open_db()
    with db.write() as txn:
        txn[blobs].put_many((b"%03d" % n, bytes([n]) * 200_000) for n in range(200))
    return db


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system has to see to it")
def test_trim_lets_go_of_what_was_read(large, blobs):
    with large.read() as txn:
        sizes = [len(value) for value in txn[blobs].values()]
        before = mapped()
        txn.trim()
        assert sum(sizes) == 40_000_000
        assert mapped() < before - 20_000_000


def test_after_a_trim_everything_can_be_read_and_written(large, blobs):
    with large.write() as txn:
        txn[blobs][b"000"] = b"new"
        txn.trim()
        assert txn[blobs][b"000"] == b"new"
        assert txn[blobs][b"199"] == bytes([199]) * 200_000
    with large.read() as txn:
        assert txn[blobs][b"000"] == b"new"
