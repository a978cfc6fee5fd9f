"""Packages are read deep once, and that survives the end of the process that reads them."""

import os
import signal
import sys

import pytest

from debrepo.testing.packages import build_deb, build_source

COUNT, BATCH, THREADS = 18, 3, 1
PUBLISH = ("publish", "repo", "--skip-signing", "tools")

# debrepo, with small batches. Each line of the log is a package that is unpacked; the process
# dies at the step with the given number, or waits at the first one for another process.
COMMAND = """
import os, signal, sys, time
from pathlib import Path
from debrepo.ingest import deep

log, end, meet, batch = sys.argv[1:5]
end, deep._BATCH = int(end), int(batch)
del sys.argv[1:5]
read, record = deep._Reader.read, deep._Batch.record

def step():
    global end
    end -= 1
    if not end:
        os.kill(os.getpid(), signal.SIGKILL)

def wait():
    global meet
    if meet:
        mine, other = map(Path, meet.split(":"))
        meet = ""
        mine.touch()
        deadline = time.monotonic() + 60
        while not other.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)

def reading(self, package):
    step()
    wait()
    with open(log, "a") as file:
        file.write(f"{package.key.name}\\n")
    return read(self, package)

def recording(self):
    step()
    record(self)
    step()

deep._Reader.read, deep._Batch.record = reading, recording
from debrepo.__main__ import main
main()
"""


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log"
    path.touch()
    return path


@pytest.fixture
def reading(archive, log):
    """Start ``debrepo``, with a number of the step at which it dies, or somebody to wait for."""

    def start(*words, end=0, meet=""):
        command = (sys.executable, "-c", COMMAND, str(log), str(end), meet, str(BATCH))
        return archive.start(*words, command=command)

    return start


@pytest.fixture
def packages(tmp_path):
    directory = tmp_path / "packages"
    directory.mkdir()
    for number in range(COUNT):
        paths = {f"usr/{number}/{n}": os.urandom(500) for n in range(number)}
        build_deb(directory, f"p{number}", paths=paths)
    build_source(directory, "source", paths={"one": b"1", "two": b"2"})
    return directory


@pytest.fixture
def unread(archive, packages):
    """An archive with packages that have not been read."""
    (archive.root / "debrepo.toml").write_text('ingest.deep = "publish"\ningest.workers = 1\n')
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", packages)
    return archive


def contents(archive):
    """Return the bytes of all Contents files, by name."""
    found = (archive.public / "dists/stable/main").glob("Contents-*")
    return {path.name: path.read_bytes() for path in found}


def finish(process):
    """Wait for a process that does all that it is to do."""
    output, errors = process.communicate()
    assert process.returncode == 0, output + errors


def test_publish_killed_at_any_point_of_reading_goes_on_where_it_was(
    unread, new_archive, reading, log, packages
):
    killed = 0
    for end in (1, 4, 5, 9, 14):  # at first before, then after what was read is recorded
        process = reading(*PUBLISH, end=end)
        process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        assert contents(unread) == {}
        killed += 1
    else:
        finish(reading(*PUBLISH))
    assert killed > 2

    names = log.read_text().split()
    assert set(names) == {*(f"p{number}" for number in range(COUNT)), "source"}
    again = BATCH + THREADS * 3  # packages of a killed process at most: all that is under way
    assert len(names) <= COUNT + 1 + killed * again
    assert unread("db", "check", "--deep") == ""

    other = new_archive("other")
    other("repo", "create", "tools", "--distribution", "stable")
    other("repo", "add", "--deep", "tools", packages)
    other(*PUBLISH)
    assert contents(unread) == contents(other) != {}


def test_two_publishes_that_need_the_same_packages_read_each_once(unread, reading, log, tmp_path):
    names = [str(tmp_path / "first"), str(tmp_path / "second")]
    processes = [
        reading(*PUBLISH, prefix, meet=":".join(pair))  # publishes of one prefix take turns
        for prefix, pair in (("a", names), ("b", names[::-1]))
    ]
    for process in processes:
        finish(process)
    found = log.read_text().split()
    assert len(found) == len({*found}) == COUNT + 1
