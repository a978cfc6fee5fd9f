import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from debrepo import leases
from debrepo.errors import DatabaseBusy, DatabaseError

HOLD = """
import pathlib, sys, time
from debrepo import leases
with leases.hold(pathlib.Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""
COUNT = """
import pathlib, sys
from debrepo import leases
root = pathlib.Path(sys.argv[1])
for _ in range(50):
    with leases.hold(root, "counter"):
        number = int((root / "n").read_text())
        (root / "n").write_text(str(number + 1))
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lease on ``mirror:bookworm``."""
    command = [sys.executable, "-c", HOLD, str(tmp_path), "mirror:bookworm"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def files(root):
    return os.listdir(root / "leases")


def test_lease_says_who_holds_it(tmp_path):
    with leases.hold(tmp_path, "repo:stable") as lease:
        assert leases.held(tmp_path) == [lease]
        assert lease.what == "repo:stable"
        assert lease.pid == os.getpid()
        assert abs(time.time() - lease.since) < 60


def test_nothing_remains_of_a_released_lease(tmp_path):
    with leases.hold(tmp_path, "repo:stable"):
        assert len(files(tmp_path)) == 1
    assert files(tmp_path) == []
    assert leases.held(tmp_path) == []


def test_lease_is_released_when_the_work_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), leases.hold(tmp_path, "repo:stable"):
        1 / 0  # noqa: B018
    assert leases.held(tmp_path) == []


def test_nothing_is_held_below_a_fresh_root(tmp_path):
    assert leases.held(tmp_path / "none") == []


def test_who_does_not_wait_is_told_who_holds_it(tmp_path, holder):
    said = rf"^mirror:bookworm is in use by .+ on .+ \(process {holder.pid}\) since 2"
    with pytest.raises(DatabaseBusy, match=said), leases.hold(tmp_path, "mirror:bookworm", wait=0):
        pass


def test_waiting_has_an_end(tmp_path, holder):
    with pytest.raises(DatabaseBusy, match="in use by"):
        leases.hold(tmp_path, "mirror:bookworm", wait=0.05).__enter__()


def test_leases_on_other_names_are_free(tmp_path, holder):
    with leases.hold(tmp_path, "mirror:trixie", wait=0):
        assert [lease.what for lease in leases.held(tmp_path)] == [
            "mirror:bookworm",
            "mirror:trixie",
        ]


def test_lease_of_a_killed_process_is_free_at_once(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert leases.held(tmp_path) == []
    with leases.hold(tmp_path, "mirror:bookworm", wait=0):
        assert len(leases.held(tmp_path)) == 1


def test_files_of_killed_processes_go_with_the_next_lease(tmp_path, holder):
    dead = []
    for name in ("repo tools", "publish .", "task 17"):
        left = tmp_path / "leases" / leases._file_name(name)
        left.write_bytes(b"")
        dead.append(left)
    with leases.hold(tmp_path, "another"):
        assert not any(left.exists() for left in dead)
        assert len(leases.held(tmp_path)) == 2
    holder.kill()
    holder.wait()
    with leases.hold(tmp_path, "another"):
        assert len(list((tmp_path / "leases").iterdir())) == 1


@pytest.mark.parametrize("wait", [None, 30])
def test_who_waits_gets_it_when_the_holder_dies(tmp_path, holder, wait):
    noted = []

    def note(lease):
        noted.append(lease.pid)
        os.kill(lease.pid, signal.SIGKILL)

    with leases.hold(tmp_path, "mirror:bookworm", wait=wait, note=note) as lease:
        assert leases.held(tmp_path) == [lease]
    assert noted == [holder.pid]


def test_second_hold_in_one_thread_is_an_error_not_a_deadlock(tmp_path):
    with (
        leases.hold(tmp_path, "repo:stable"),
        pytest.raises(RuntimeError, match="this thread holds the lease on repo:stable already"),
    ):
        leases.hold(tmp_path, "repo:stable").__enter__()


def test_threads_wait_for_one_another(tmp_path):
    inside, most = [], []

    def work(number):
        with leases.hold(tmp_path, "repo:stable"):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.001)
            inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert most == [1] * 40
    assert files(tmp_path) == []


def test_processes_wait_for_one_another(tmp_path):
    (tmp_path / "n").write_text("0")
    command = [sys.executable, "-c", COUNT, str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert (tmp_path / "n").read_text() == "200"
    assert files(tmp_path) == []


def test_child_does_not_keep_the_lease_of_a_killed_parent(tmp_path):
    fork = HOLD.replace(
        'print("held", flush=True)',
        "import os\n    if os.fork() == 0:\n"
        '        print("held", os.getpid(), flush=True)\n        time.sleep(60)',
    )
    command = [sys.executable, "-c", fork, str(tmp_path), "repo:stable"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline().split()[1])
        parent.kill()
        parent.wait()
        assert leases.held(tmp_path) == []
        os.kill(child, signal.SIGKILL)


def test_lease_may_end_in_another_thread(tmp_path):
    lease = leases.hold(tmp_path, "repo:stable")
    lease.__enter__()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lease.__exit__, None, None, None).result()
    assert leases.held(tmp_path) == []


def test_looking_at_leases_disturbs_nobody_who_takes_them(tmp_path):
    done = Event()

    def look():
        while not done.is_set():
            leases.held(tmp_path)

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            for _ in range(200):
                with leases.hold(tmp_path, "repo:stable", wait=0):
                    pass
        finally:
            done.set()
        looking.result()


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "publish:s3:eu:main/trixie", "Größe", "%", "x" * 900, "../../etc"],
)
def test_any_name_can_be_leased(tmp_path, name):
    with leases.hold(tmp_path, name) as lease:
        assert leases.held(tmp_path) == [lease]
        assert os.listdir(tmp_path) == ["leases"]


def test_long_names_that_start_alike_are_two(tmp_path):
    with leases.hold(tmp_path, "x" * 900, wait=0), leases.hold(tmp_path, "x" * 901, wait=0):
        assert len(leases.held(tmp_path)) == 2


def test_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "root").write_text("")
    with pytest.raises(DatabaseError, match=r"cannot write leases in .*/root/leases: Not a dir"):
        leases.hold(tmp_path / "root", "repo:stable").__enter__()


def test_session_has_the_leases_of_its_root(session):
    with session.leases.hold("repo:stable") as lease:
        assert session.leases.held() == leases.held(session.root) == [lease]
        session.leases.check()
    assert session.leases.held() == []
