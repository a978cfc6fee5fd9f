"""A trial: what holds after a scenario that something went wrong in, at once and in the end."""

from __future__ import annotations

import os
import shutil
import subprocess

from kills.dying import run

ROUNDS = int(os.environ.get("DEBREPO_TEST_KILLS", "0"))


class Trial:
    """A scenario, what there is before it, and what there is to be after it."""

    def __init__(self, place, scenario):
        self.place, self.scenario = place, scenario
        place.path(".").mkdir(exist_ok=True)
        place.begin()
        scenario.prepare(place)
        self.template = place.base.with_name("template")
        subprocess.run(["cp", "-a", place.base, self.template], check=True)
        self.commands = [place.words(command) for command in scenario.commands]
        self.before = place.facts(scenario.root)
        self.seconds = min(self._complete() for _ in range(2))
        self.done = place.facts(scenario.root)
        if scenario.rest:
            scenario.rest(place)
        self.after = place.facts(scenario.root)
        assert place.faults(scenario.root, verify=True, served=scenario.served) == []
        self.known = place.files()
        self.strays = set()

    def reset(self):
        """Have the place be as it was before."""
        for path in self.place.base.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        subprocess.run(["cp", "-a", f"{self.template}/.", self.place.base], check=True)

    def _complete(self):
        """Run the commands to their end; return how long it takes, and note what space."""
        self.reset()
        before = _used(self.place.base)
        ended = run(self.commands, self.scenario.codes)
        assert ended.done == len(self.commands), ended.said
        self.need = max(_used(self.place.base) - before, 1 << 16)
        return ended.seconds

    def check(self, done, where):
        """Check that all is as before or as it is to be; what was said to be done, is."""
        scenario, place = self.scenario, self.place
        seen = place.facts(scenario.root)
        allowed = [self.before, self.done][bool(done) and not scenario.waits :]
        if scenario.partly:
            allowed.append(self.after)
        for item in seen.keys() | {name for state in allowed for name in state}:
            values = [state.get(item) for state in allowed]
            good = seen.get(item) in values or (
                scenario.partly and _is_between(seen.get(item), values)
            )
            assert good, f"{where}: {item}: {seen.get(item)}"
        faults = place.faults(scenario.root, verify=False, served=scenario.served)
        assert scenario.broken or faults == [], where
        if scenario.check:
            scenario.check(place)
        return seen == self.done

    def finish(self, where):
        """Do it once more: everything is as it is to be, and whole."""
        scenario, place = self.scenario, self.place
        if scenario.rest:
            scenario.rest(place)
        else:
            for command in scenario.commands:
                place.run(command, (*scenario.codes, *scenario.again))
        assert place.facts(scenario.root) == self.after, where
        assert place.faults(scenario.root, verify=True, served=scenario.served) == [], where
        self.strays |= place.files() - self.known
        if scenario.check:
            scenario.check(place)


def _used(path):
    found = os.statvfs(path)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def _is_between(seen, values):
    """Return whether some packages of a list have come or gone."""
    sets = [frozenset(value or ()) for value in values]
    held = frozenset(seen or ())
    return frozenset.intersection(*sets) <= held <= frozenset.union(*sets)
