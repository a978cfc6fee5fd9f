"""A publish for which there is no space changes nothing that clients see."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]


def can_mount():
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return shutil.which("unshare") and not subprocess.run(command, capture_output=True).returncode


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace")
@pytest.mark.parametrize("what", ["blocks", "inodes", "root"])
def test_names_agree_after_every_round_on_a_full_disk(tmp_path, what):
    result = subprocess.run(
        [
            *("unshare", "-rm", sys.executable),
            TESTS / "plugins/publish/full_disk.py",
            tmp_path,
            what,
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    refused, _, rounds, _ = result.stdout.split()
    assert 10 < int(refused) < int(rounds) == 60
