"""The turnstile: small adds by command line go in the order they came, and few at once."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from debrepo import turnstile
from debrepo.testing.packages import build_deb

ADD = ["repo", "add", "r"]


@pytest.fixture
def deb(tmp_path):
    return build_deb(tmp_path)


@pytest.fixture
def filled(debrepo, debrepo_root):
    debrepo("repo", "create", "r")
    return debrepo_root


@pytest.mark.parametrize(
    ("words", "environment", "root"),
    [
        (["--root", "/x", *ADD, "a.deb"], {}, "/x"),
        (["--root=/x", "-q", *ADD, "a.deb", "--remove-files"], {}, "/x"),
        (["--config", "c", *ADD, "a.deb"], {"DEBREPO_ROOT": "/y"}, "/y"),
        (["repo", "include", "a.changes"], {"DEBREPO_ROOT": "/y"}, "/y"),
        (["--root", "/x", "repo", "list"], {}, None),
        (["--root", "/x", "snapshot", "create", "repo", "add"], {}, None),
        (["--server", "http://localhost", *ADD, "a.deb"], {}, None),
        (["--server=http://localhost", *ADD, "a.deb"], {}, None),
        ([*ADD, "a.deb"], {"DEBREPO_SERVER": "http://localhost"}, None),
        (["--root", "/x", *ADD, "/tmp"], {}, None),
        (["--root", "/x", *ADD, *["a.deb"] * 9], {}, None),
        (["--root"], {}, None),
        ([], {}, None),
    ],
)
def test_only_small_adds_on_this_machine_wait(words, environment, root):
    assert turnstile.root_of(words, environment) == root


def test_without_a_database_nobody_waits(tmp_path, deb):
    words = ["--root", str(tmp_path / "root"), *ADD, str(deb)]
    assert turnstile.pass_through(words, {}) == -1
    assert not (tmp_path / "root").exists()


def test_large_add_does_not_wait(tmp_path, deb):
    os.truncate(deb, 17 << 20)
    assert turnstile.root_of(["--root", "/x", *ADD, str(deb)], {}) is None


def passing(root, deb):
    words = ["--root", str(root), *ADD, str(deb)]
    return [turnstile.pass_through(words, {}) for _ in os.sched_getaffinity(0)]


def someone_waits():
    return "-> OFDLCK" in Path("/proc/locks").read_text()


def test_add_waits_for_those_before_it_and_then_adds(filled, deb):
    before = passing(filled, deb)
    assert min(before) >= 0
    command = [sys.executable, "-m", "debrepo", "--root", str(filled), *ADD, str(deb)]
    waiting = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    pause = threading.Event()
    while not someone_waits():
        assert waiting.poll() is None
        pause.wait(0.005)
    for file in before:
        os.close(file)  # as the end of a process does, however it ends
    assert waiting.communicate()[0].startswith("added")
    assert waiting.returncode == 0


def test_add_whose_predecessor_was_stopped_goes_on_in_the_end(filled, deb, monkeypatch):
    monkeypatch.setattr(turnstile, "_PATIENCE", 0.01)
    before = passing(filled, deb)
    overtaking = passing(filled, deb)
    for file in before + overtaking:
        assert file >= 0
        os.close(file)


def test_number_that_a_power_failure_left_half_written_starts_anew(filled, deb):
    (filled / "db" / "turnstile").write_bytes(b"abc")
    for file in passing(filled, deb):
        assert file >= 0
        os.close(file)
