"""A process that is killed anywhere loses nothing that it has said to be done, and breaks nothing.

``DEBREPO_TEST_KILLS=100`` kills each operation so many times at random moments; CI kills three
of them three times.
"""

from __future__ import annotations

import random

import pytest
from kills.checking import ROUNDS, Trial
from kills.dying import run
from kills.scenarios import SCENARIOS

QUICK = ("repo prune", "db restore", "publish update")


@pytest.mark.parametrize("name", SCENARIOS if ROUNDS else QUICK)
def test_operation_that_is_killed_at_any_moment_is_ended_by_the_next(place, name):
    trial = Trial(place, SCENARIOS[name])
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    killed = done = 0
    for number in range(ROUNDS or 3):
        trial.reset()
        after = chance.uniform(0, trial.seconds)
        told = run(trial.commands, trial.scenario.codes, after=after)
        where = f"{name}, seed {seed}, round {number}, {told}"
        killed += told.killed
        done += trial.check(told.done, where)
        trial.finish(where)
    summary = f"{name}: {killed} of {ROUNDS or 3} killed, {done} of all when it was done"
    print(f"{summary}; left over: {sorted(trial.strays)[:9]}", flush=True)  # noqa: T201
