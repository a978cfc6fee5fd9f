"""A cluster on this machine: nodes that share PostgreSQL and a bucket, with nginx before them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from databases.postgresql import programs

CONTRIB = Path(__file__).parents[2] / "contrib"

pytestmark = [
    pytest.mark.lmdb,  # it brings a database of its own
    pytest.mark.skipif(not programs(), reason="needs PostgreSQL"),
    pytest.mark.skipif(not shutil.which("nginx", path="/usr/sbin:/usr/bin"), reason="needs nginx"),
    pytest.mark.skipif(not shutil.which("apt-get"), reason="needs apt"),
]


def run(program, *words):
    done = subprocess.run(
        [sys.executable, CONTRIB / program, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def is_running(pid):
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:  # one that has ended may wait for its parent, and has no command line
        return False


def test_one_command_starts_a_cluster_that_apt_installs_through_and_another_stops_it():
    said = run("cluster/run", "--keep")
    place = Path(re.search(r"--stop (\S+)", said)[1])
    pids = (place / "processes").read_text().split()
    run("cluster/run", "--stop", place)
    assert not place.exists()
    assert not [pid for pid in pids if is_running(pid)]
    assert "Setting up cluster-alpha (1.0)" in said or "cluster-alpha_1.0" in said
    assert "All of it works" in said


def test_nothing_is_lost_when_nodes_are_killed_and_the_database_is_restarted():
    said = run(
        "bench/cluster", "--seconds", 12, "--nodes", 3, "--clients", 8, "--readers", 1,
        "--between", 3, "--restarts", 2, "--away", 0.5, "--pause", 1,
    )  # fmt: skip
    assert " 0 lost" in said
    assert re.search(r"node\d killed: \d", said), said
    assert "PostgreSQL restarted (fast): 1; PostgreSQL restarted (immediate): 1" in said


def test_nothing_is_lost_when_a_replica_takes_over():
    said = run(
        "bench/cluster", "--failover", "--kills", 0, "--seconds", 8, "--nodes", 2, "--clients", 6,
        "--readers", 1, "--pause", 1, "--away", 0.5,
    )  # fmt: skip
    assert " 0 lost" in said
    assert "the primary killed, and its replica promoted: 1" in said
