import errno
import fcntl
import hashlib
import io
import os
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from copy import copy

import pytest

from debrepo import pool as module
from debrepo.errors import DatabaseError, DatabaseFull, InvalidInput, NotFound
from debrepo.pool import Pool

HELLO = hashlib.sha256(b"hello").hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


@pytest.fixture
def pool(tmp_path):
    return Pool(tmp_path / "pool")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(b"hello")
    return path


def stage(pool, path):
    with path.open("rb", buffering=0) as file, pool.stage(file) as staged:
        data = b"".join(staged)
        staged.place(hashlib.sha256(data).hexdigest())
    return data


def left_in_staging(pool):
    return os.listdir(pool.root / "staging")


def test_file_is_found_under_its_digest(pool):
    pool.put(HELLO, b"hello")
    assert pool.path(HELLO) == pool.root / HELLO[:2] / HELLO[2:]
    assert pool.path(HELLO).read_bytes() == b"hello"
    assert (HELLO in pool, OTHER in pool) == (True, False)
    assert pool.size(HELLO) == 5
    with pool.open(HELLO) as file:
        assert file.read() == b"hello"


def test_staged_file_is_the_same_as_one_that_was_put(pool, source):
    assert stage(pool, source) == b"hello"
    assert pool.check(HELLO) is None


def test_file_that_is_here_already_stays(pool, source):
    pool.put(HELLO, b"hello")
    before = pool.path(HELLO).stat()
    pool.put(HELLO, b"hello")
    stage(pool, source)
    assert pool.path(HELLO).stat() == before
    assert left_in_staging(pool) == []


def test_file_that_a_power_failure_cut_short_is_replaced(pool, source):
    for again in (lambda: pool.put(HELLO, b"hello"), lambda: stage(pool, source)):
        pool.put(HELLO, b"hello")
        os.truncate(pool.path(HELLO), 2)
        again()
        assert pool.check(HELLO) is None


def test_callers_file_is_never_shared(pool, source):
    stage(pool, source)
    with source.open("r+b") as file:
        file.write(b"HELLO")
    assert pool.check(HELLO) is None
    assert pool.path(HELLO).stat().st_nlink == 1


def test_what_is_read_is_what_is_kept_where_blocks_are_shared(pool, source, monkeypatch):
    def clone(fd, request, origin):
        os.write(fd, source.read_bytes())
        os.lseek(fd, 0, os.SEEK_SET)
        source.write_bytes(b"changed meanwhile")

    monkeypatch.setattr(fcntl, "ioctl", clone)
    assert stage(pool, source) == b"hello"
    assert pool.check(HELLO) is None


def test_staged_file_that_was_not_placed_is_gone(pool, source):
    with pytest.raises(ZeroDivisionError), source.open("rb") as file, pool.stage(file) as staged:
        list(staged)
        raise ZeroDivisionError
    assert left_in_staging(pool) == []
    assert list(pool) == []


def test_full_disk_leaves_nothing_behind(pool, source, monkeypatch):
    def write(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_write", write)
    with pytest.raises(DatabaseFull, match=r"cannot write the pool, .*: No space left on device"):
        pool.put(HELLO, b"hello")
    with pytest.raises(DatabaseFull, match=r"cannot write the pool, .*: No space left on device"):
        stage(pool, source)
    assert left_in_staging(pool) == []


def test_files_are_readable_by_a_web_server_whatever_the_umask(pool, source):
    before = os.umask(0o077)
    try:
        pool.put(OTHER, b"other")
        stage(pool, source)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(pool.path(digest).stat().st_mode) for digest in pool}
    assert modes == {0o644}
    assert pool.root.stat().st_mode & 0o777 == 0o700


def test_pool_that_cannot_be_read_is_an_error_of_its_own(pool):
    pool.put(HELLO, b"hello")
    pool.path(HELLO).unlink()
    pool.path(HELLO).symlink_to(pool.path(HELLO))  # itself
    with pytest.raises(DatabaseError, match=r"cannot read the pool, .*: Too many levels"):
        pool.open(HELLO)
    assert "cannot read the pool" in pool.check(HELLO)


def test_digests_are_listed_in_order_and_nothing_else(pool):
    digests = sorted(hashlib.sha256(bytes([number])).hexdigest() for number in range(20))
    for digest in digests:
        pool.put(digest, b"")
    (pool.root / "00").mkdir(exist_ok=True)
    (pool.root / "00" / "README").touch()
    (pool.root / "zz").touch()
    assert list(pool) == digests


def test_new_pool_is_empty(pool):
    assert list(pool) == []
    assert HELLO not in pool
    pool.sync()
    assert pool.sweep() == 0


def test_deleted_file_is_gone_and_may_be_deleted_again(pool):
    pool.put(HELLO, b"hello")
    pool.delete(HELLO)
    pool.delete(HELLO)
    assert HELLO not in pool


def test_missing_file_is_not_found(pool):
    with pytest.raises(NotFound, match=f"no file {OTHER}"):
        pool.open(OTHER)
    with pytest.raises(NotFound, match=f"no file {OTHER}"):
        pool.size(OTHER)


def test_what_is_no_digest_has_no_path(pool):
    with pytest.raises(InvalidInput, match=r"not a SHA256 checksum: '../../etc/passwd'"):
        pool.path("../../etc/passwd")


def test_check_says_what_is_wrong(pool):
    pool.put(HELLO, b"hellO")
    assert pool.check(OTHER) == f"{OTHER} is missing"
    assert pool.check(HELLO).startswith(f"{HELLO} is damaged: its SHA256 checksum is ")


def test_sync_returns(pool):
    pool.put(HELLO, b"hello")
    pool.sync()
    assert pool.check(HELLO) is None


def test_what_a_killed_process_left_is_swept_and_nothing_else(pool, source):
    program = (
        "import io, os, sys; from pathlib import Path; from debrepo.pool import Pool\n"
        "with Pool(Path(sys.argv[1])).stage(io.BytesIO(b'half')) as staged:\n"
        "    list(staged); os.kill(os.getpid(), 9)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, pool.root]
    assert subprocess.run(command, env=environment, check=False).returncode == -9
    assert pool.sweep() == 0  # it might be somebody's, still
    with source.open("rb") as file, pool.stage(file) as staged:
        list(staged)
        for name in left_in_staging(pool):
            os.utime(pool.root / "staging" / name, (0, time.time() - 7200))
        assert pool.sweep() == 1
        staged.place(HELLO)
    assert list(pool) == [HELLO]


def test_source_without_a_descriptor_is_copied(pool):
    with pool.stage(io.BytesIO(b"hello")) as staged:
        assert b"".join(staged) == b"hello"
        staged.place(HELLO)
    assert pool.check(HELLO) is None


def test_one_sync_does_for_all_that_asked_before_it_began(tmp_path):
    class Slow(Pool):
        syncs = 0
        first = threading.Event()
        go = threading.Event()

        def _sync(self):
            self.syncs += 1
            self.first.set()
            assert self.go.wait(20)

    pool = Slow(tmp_path / "pool")
    with ThreadPoolExecutor(9) as threads:
        futures = [threads.submit(pool.sync)]
        assert pool.first.wait(20)
        futures += [threads.submit(pool.sync) for _ in range(8)]
        while next(copy(pool._asked)) < 10:
            threading.Event().wait(0.005)
        pool.go.set()
        for future in futures:
            future.result(20)
    assert pool.syncs == 2


def test_files_that_are_not_here_are_told_at_once(pool):
    assert pool.lacking([HELLO, OTHER]) == [HELLO, OTHER]
    assert pool.beginnings() == frozenset()
    pool.put(HELLO, b"hello")
    assert pool.lacking([HELLO, OTHER]) == [OTHER]
    assert HELLO[:2] in pool.beginnings()
    assert OTHER[:2] not in pool.beginnings()


def test_file_that_comes_anew_replaces_a_damaged_one(pool):
    pool.put(HELLO, b"jello")
    pool.put(HELLO, b"hello")
    assert pool.path(HELLO).read_bytes() == b"jello"  # of the right size, nobody looks inside
    pool.put(HELLO, b"hello", anew=True)
    assert pool.path(HELLO).read_bytes() == b"hello"
