"""Roots that cannot be used, or have no space left: one clear line, and no traceback."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from debrepo.testing.packages import build_deb

NOBODY = 65534
FILE_SIZE = 1 << 20  # bytes that a file may have where space runs out


@pytest.fixture
def place():
    """A directory that another user can get to, with packages in it."""
    with tempfile.TemporaryDirectory(prefix="debrepo-test-") as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "debs").mkdir()
        build_deb(place / "debs")
        yield place


def run(root, *words, prefix=(), **options):
    """Run a command in a process of its own; return its exit code and what it complains of."""
    environment = {**os.environ, "HOME": str(root.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*prefix, sys.executable, "-m", "debrepo", "--quiet", "--root", root, *words]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, **options
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def as_other(root, *words):
    """Run a command on what somebody else owns, without root's power over it.

    The process keeps its user, who may be the only one that can read this Python.
    """
    without = ["--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
    probe = ["setpriv", *without, "true"]
    if os.geteuid() or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("only root can act as somebody else")
    subprocess.run(["chown", "-R", str(NOBODY), str(root.parent)], check=True)
    return run(root, *words, prefix=["setpriv", *without])


COMMANDS = [
    ("repo", "list"),
    ("repo", "create", "x"),
    ("repo", "add", "r", "{place}/debs"),
    ("publish", "repo", "r", "--distribution", "d", "--skip-signing"),
    ("key", "create", "--name", "Somebody"),
    ("config", "show"),
    ("config", "create"),
    ("db", "cleanup"),
    ("api", "serve", "--listen", "127.0.0.1:0"),
]


@pytest.fixture(params=COMMANDS, ids=lambda words: " ".join(words[:2]))
def words(request, place):
    return [word.replace("{place}", str(place)) for word in request.param]


def test_root_that_is_a_file_is_one_line(place, words):
    root = place / "root"
    root.touch()
    assert run(root, *words) == (2, f"Error: the root {root} is not a directory\n")


@pytest.mark.parametrize("name", ["locked", "locked/root"])
def test_root_that_may_not_be_entered_is_one_line_and_a_hint(place, words, name):
    (place / "locked").mkdir(mode=0o700)
    code, said = as_other(place / name, *words)
    assert code == 2
    assert said == (
        f"Error: cannot use the root {place / name}: Permission denied\n"
        "Hint: run debrepo as the user who owns it, or choose another one with --root\n"
    )


@pytest.fixture
def kept(place):
    """A root with a repository, from somebody else."""
    root = place / "root"
    assert run(root, "repo", "create", "r") == (0, "")
    assert run(root, "repo", "add", "r", place / "debs") == (0, "")
    return root


READING = {"repo list", "config show"}


def refused(words, code, said):
    """Tell whether a command was refused in one line, or read what it was to read."""
    if " ".join(words[:2]) in READING:
        return (code, said) == (0, "")
    lines = said.splitlines()
    return code in (8, 10) and lines[0].startswith("Error: ") and len(lines) <= 2


def test_root_of_somebody_else_is_read_and_not_written(kept, words):
    build_deb(kept.parent / "debs", "another")
    code, said = as_other(kept, *words)
    assert refused(words, code, said), said


def test_root_on_a_read_only_file_system_is_read_and_not_written(kept, words):
    disk = kept.parent / "disk"
    disk.mkdir()
    command = ["mount", "--bind", str(kept), str(disk)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(disk)], check=True)
        build_deb(kept.parent / "debs", "another")
        code, said = run(disk, *words)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert refused(words, code, said), said


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))


def test_pool_that_cannot_grow_is_exit_8_and_its_path_once(kept, place):
    shutil.rmtree(place / "debs")
    (place / "debs").mkdir()
    for size in (2 << 20, 5 << 20):  # one that is read at once, and one that is copied
        deb = build_deb(place / "debs", "noise", paths={"usr/noise": os.urandom(size)})
        code, said = run(kept, "repo", "add", "r", deb, preexec_fn=limit_files)
        pool = kept / "pool"
        assert (code, said) == (
            8,
            f"Error: cannot write the pool, {pool}: File too large\nHint: free some space\n",
        )
        assert list((pool / "staging").iterdir()) == []


def test_workers_that_find_no_space_are_exit_8_as_well(kept, place):
    for number in range(40):
        noise = {"usr/noise": os.urandom(1 << 20)}
        build_deb(place / "debs", f"noise{number}", paths=noise, compression="none")
    (kept / "debrepo.toml").write_text("[ingest]\nworkers = 2\n")
    code, said = run(kept, "repo", "add", "r", place / "debs", preexec_fn=limit_files)
    assert code == 8
    assert said.count(str(kept)) == 1
    assert list((kept / "pool" / "staging").iterdir()) == []


def test_backup_and_configuration_without_space_are_exit_8(kept):
    def none():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    for words in (("config", "create"), ("db", "backup", kept.parent / "backup")):
        code, said = run(kept, *words, preexec_fn=none)
        assert (code, said.count(str(kept.parent))) == (8, 1), said
