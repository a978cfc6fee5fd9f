"""Disks that are full or cannot be written: one line says so, and all is as before, or done.

``DEBREPO_TEST_KILLS=100`` tries every operation so many times, each with another space left.
"""

from __future__ import annotations

import random
import subprocess
from contextlib import contextmanager

import pytest
from kills.checking import ROUNDS, Trial
from kills.dying import run
from kills.scenarios import SCENARIOS
from plugins.small_disk import fill, small_disk

QUICK = ("repo prune", "publish update")


@pytest.fixture
def disk(place):
    """Return a place that is a small disk of its own."""
    with small_disk(place.base):
        yield place


@contextmanager
def read_only(path):
    """Let nothing on a small disk be written."""
    subprocess.run(["mount", "-o", "remount,ro", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", path], check=True)


def check_refusal(ended, where):
    """Fail unless an operation was done, or a line says why it was not."""
    assert "Traceback" not in ended.said, where
    assert ended.done or "Error: " in ended.said, where


@pytest.mark.parametrize("name", SCENARIOS if ROUNDS else QUICK)
def test_operation_on_a_full_disk_is_done_or_refused(disk, name):
    trial = Trial(disk, SCENARIOS[name])
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    refused = 0
    for number in range(ROUNDS or 2):
        trial.reset()
        space = chance.choice([0, chance.randrange(trial.need + 1)])
        filler = fill(disk.base, leaving=space)
        told = run(trial.commands, trial.scenario.codes)
        where = f"{name}, seed {seed}, round {number}, {space} bytes left, {told}"
        filler.unlink()
        check_refusal(told, where)
        refused += not told.done
        trial.check(told.done, where)
        trial.finish(where)
    print(f"{name}: {refused} of {ROUNDS or 2} refused on a full disk", flush=True)  # noqa: T201


@pytest.mark.parametrize("name", SCENARIOS if ROUNDS else QUICK)
def test_operation_on_a_disk_that_cannot_be_written_is_refused(disk, name):
    trial = Trial(disk, SCENARIOS[name])
    trial.reset()
    with read_only(disk.base):
        told = run(trial.commands, trial.scenario.codes)
    where = f"{name}, read only, {told}"
    check_refusal(told, where)
    trial.check(told.done, where)
    trial.finish(where)
    print(f"{name}: {told.said.splitlines()[-2:]}", flush=True)  # noqa: T201
