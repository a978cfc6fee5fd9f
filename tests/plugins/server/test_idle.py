"""While a server is idle, packages are read that no publish has asked for yet."""

import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from types import SimpleNamespace

import pytest
from stop_at import StopAt

from debrepo import BackgroundJob, catalog
from debrepo.errors import Cancelled
from debrepo.ingest import deep
from debrepo.ingest.claiming import Claims
from debrepo.package import digests
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.stopping import watching
from debrepo.testing.packages import break_data, build_deb
from debrepo.verdicts import unread
from debrepo_server import idle as idling
from debrepo_server import reading
from debrepo_server.background import Background
from debrepo_server.idle import IdleTime


def eventually(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def add(session, tmp_path):
    """Add packages, and read none of them; return their entries."""
    session.config.override("ingest.deep", "publish", "a test")
    session.call("repo.create", name="r")

    def add_files(*names):
        paths = [build_deb(tmp_path, name) for name in names]
        for path in paths:
            if path.name.startswith("bad"):
                break_data(path)
        list(session.call("repo.add", name="r", paths=paths))
        session.config.override("ingest.deep", "idle", "a test")
        return left(session)

    return add_files


def left(session):
    with session.db.read() as txn:
        return unread(session.config, txn, catalog.find(txn))


JOB = BackgroundJob("debrepo_server.idle:in_idle_time", 0.01, "Read packages.")
IDLE = SimpleNamespace(is_idle=lambda: True, has_work=lambda: False)


@pytest.fixture
def idle(session):
    """Start idle time; it lasts for as long as ``busy`` is not set."""
    started = []

    @contextmanager
    def start(load=None):
        busy = threading.Event()
        load = load or SimpleNamespace(is_idle=lambda: not busy.is_set(), has_work=busy.is_set)
        one = Background(session, load, {"read": JOB})
        started.append(one)
        one.start()
        yield busy
        one.stop()

    yield start
    for one in started:
        one.stop()


def test_everything_is_read_while_the_server_is_idle(session, add, idle):
    assert len(add("a", "b")) == 2
    with idle():
        eventually(lambda: not left(session))


def test_what_is_added_later_is_read_too(session, add, idle):
    add("a")
    with idle():
        eventually(lambda: not left(session))
        session.config.override("ingest.deep", "publish", "a test")
        add("b")
        eventually(lambda: not left(session))


def test_catalog_is_gone_through_for_a_small_part_of_the_time(session, add, monkeypatch):
    (entry,) = add("a")
    now = [100.0, 103.0]  # when it begins and ends
    monkeypatch.setattr(idling, "time", SimpleNamespace(monotonic=lambda: now.pop(0)))
    one = IdleTime(session, IDLE)
    assert one._unread() == [entry]
    now[:] = [399.0]
    assert one._unread() == []
    now[:] = [400.0, 401.0]
    assert one._unread() == [entry]


def test_package_that_was_broken_is_read_again_with_other_limits(session, add):
    _, bad = add("a", "bad")
    reading.read_all(session)
    session.config.override("ingest.limits.paths", 12345, "a test")
    one = IdleTime(session, IDLE)
    assert one._unread() == [bad]


def test_nothing_is_read_by_a_server_that_has_work(session, add, idle, monkeypatch):
    add("a")
    looked = []

    def work():
        looked.append(True)
        return False

    monkeypatch.setattr(idling, "Popen", None)
    with idle(SimpleNamespace(is_idle=work, has_work=lambda: True)):
        eventually(lambda: len(looked) > 3)
    assert len(left(session)) == 1


@pytest.mark.parametrize("when", ["add", "publish"])
def test_nothing_is_read_where_the_setting_names_another_time(session, add, when):
    add("a")
    session.config.override("ingest.deep", when, "a test")
    IdleTime(session, None).use()  # without a look at anything else
    assert len(left(session)) == 1


def test_work_that_comes_ends_reading(session, add, idle, monkeypatch):
    (entry,) = add("a")
    processes = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            processes.append(self)

    monkeypatch.setattr(idling, "Popen", Noted)
    with Claims(session.root) as claims, idle() as busy:
        claims.take(entry)  # so that reading cannot come to its end
        eventually(lambda: processes)
        busy.set()
        eventually(lambda: processes[0].returncode is not None)
    assert left(session) == [entry]


def test_reading_ends_with_the_server(session, add):
    (entry,) = add("a")
    with Claims(session.root) as claims:
        claims.take(entry)
        command = [sys.executable, "-m", "debrepo_server.reading", str(session.root)]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            process.stdin.close()
            assert process.wait(60) == 0
    assert left(session) == [entry]


def test_reading_ends_where_nothing_is_left(session, add):
    add("a")
    command = [sys.executable, "-m", "debrepo_server.reading", str(session.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.wait(60) == 0
    assert not left(session)


def test_reading_is_stopped_anywhere_and_goes_on_where_it_was(session, add, monkeypatch):
    add(*(f"p{number}" for number in range(9)), "bad")
    monkeypatch.setattr(reading, "_BATCH", 2)
    read, names = deep._Reader.read, []
    monkeypatch.setattr(
        deep._Reader, "read", lambda one, p: names.append(p.key.name) or read(one, p)
    )
    step, known = 0, 10
    while left(session):
        try:
            with watching(StopAt(step)):
                reading.read_all(session)
        except Cancelled:
            step += 3
        assert len(left(session)) <= known
        known = len(left(session))
    reading.read_all(session)
    assert step
    assert set(names) == {*(f"p{number}" for number in range(9)), "bad"}


def test_what_cannot_be_read_is_named_and_keeps_no_other_back(session, add, caplog):
    entries = add("a", "b", "bad", "c")
    with session.db.read() as txn:
        (digest,) = digests(txn[catalog.PACKAGES][entries[0]])
    session.pool.delete(digest)
    reading.read_all(session)
    assert left(session) == [entries[0]]
    assert f"the pool has no file {digest}" in caplog.text
    assert "bad_1.0_amd64.deb is broken: data.tar.xz is damaged" in caplog.text


def lose_files(session, entries):
    with session.db.read() as txn:
        for entry in entries:
            session.pool.delete(*digests(txn[catalog.PACKAGES][entry]))


def test_lost_files_leave_one_line_in_the_log(session, add, caplog):
    lose_files(session, add("a", "b", "c"))
    reading.read_all(session)
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(lines) == 1
    assert lines[0].startswith("cannot read 3 packages while idle, as ")


def test_what_cannot_be_read_is_not_tried_again_for_what_comes_later(session, add):
    lose_files(session, add("a"))
    one = IdleTime(session, IDLE)
    tried = []
    for name in ("", "b", "c"):
        if name:
            list(session.call("repo.add", name="r", paths=[build_deb(session.root, name)]))
            lose_files(session, left(session)[-1:])
        one._next = 0.0  # at once, however long the look before took
        entries = one._unread()
        tried.append([entry.partition(b"\0")[0] for entry in entries])
        one._read(entries)
    assert tried == [[b"a"], [b"b"], [b"c"]]


def test_what_cannot_be_read_is_tried_once(session, add, idle, monkeypatch):
    (entry,) = add("a")
    with session.db.read() as txn:
        session.pool.delete(*digests(txn[catalog.PACKAGES][entry]))
    processes = []
    popen = idling.Popen
    monkeypatch.setattr(idling, "Popen", lambda *a, **m: processes.append(a) or popen(*a, **m))
    looked = []
    load = SimpleNamespace(
        is_idle=lambda: looked.append(len(processes)) or True, has_work=lambda: False
    )
    with idle(load):
        eventually(lambda: looked.count(1) > 5)
    assert len(processes) == 1


def test_a_server_reads_when_it_has_nothing_else_to_do(serving, debrepo, debrepo_root, tmp_path):
    debrepo("repo", "create", "r")
    (debrepo_root / "debrepo.toml").write_text('ingest.deep = "idle"\n')
    bad = break_data(build_deb(tmp_path, "bad"))
    debrepo("repo", "add", "r", build_deb(tmp_path, "good"), bad)
    server = serving()
    with closing(Session(debrepo_root, load_plugins())) as session:
        eventually(lambda: not left(session))
    assert server.stop() == 0
