"""Phases: which packages are offered to how many machines, and when to more of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo import clock, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import InvalidInput
from debrepo.package import PackageKey
from debrepo.version import sort_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageList

#: apt 2.1.17 and later; see apt_preferences(5).
FIELD = "Phased-Update-Percentage"

_PHASE = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9+._-]*)=(100|[1-9]?[0-9])"
    r"(?:\+(100|[1-9][0-9]?)/([1-9][0-9]{0,4})([mhd]))?"
)


class Phase(NamedTuple):
    """How many machines get a package at first, and how many more of them after a time."""

    percentage: int
    step: int = 0
    every: int = 0  #: seconds; 0: it stays as it is

    def after(self, steps: int) -> int:
        """Return the percentage after so many steps."""
        return min(100, self.percentage + steps * self.step)

    def steps(self, seconds: int) -> int:
        """Return how many steps there are in a time, as far as they have an effect."""
        if not self.every:
            return 0
        most = -(-(100 - self.percentage) // self.step)
        return max(0, min(seconds // self.every, most))


def parse(given: Iterable[str]) -> dict[str, Phase]:
    """Return the phases by the names of packages; raise `InvalidInput` for anything else."""
    wanted: dict[str, Phase] = {}
    for text in given:
        found = _PHASE.fullmatch(text)
        if found is None:
            raise InvalidInput(
                f"the option phased cannot be {text[:80]!r}",
                hint="give names of packages with a number from 0 to 100, and maybe a schedule:"
                " --phased hello=20,world=10+15/6h",
            )
        name, percentage, step, every, unit = found.groups()
        more = (int(step), clock.parse_duration(every + unit)) if step else (0, 0)
        wanted[name] = Phase(int(percentage), *more)
    return wanted


def fields(
    txn: Transaction, wanted: Mapping[str, int], target: PackageList
) -> dict[Entry, dict[str, str]]:
    """Return the field of the newest version of each package, on each architecture.

    ``wanted`` are percentages by name. At 100 everybody gets it, and there is no field.
    """
    return {
        entry: {FIELD: str(percentage)}
        for name, percentage in wanted.items()
        if percentage < 100
        for entry in _newest(txn, target, name)
    }


def absent(
    txn: Transaction, wanted: Iterable[str], targets: Iterable[PackageList]
) -> Iterator[str]:
    """Yield the names that no list has a binary package of."""
    targets = list(targets)
    for name in wanted:
        if not any(_newest(txn, target, name) for target in targets):
            yield name


def versions(txn: Transaction, name: str, targets: Iterable[PackageList]) -> str:
    """Return the newest versions of a package, which a roll-out is about."""
    entries = (entry for target in targets for entry in _newest(txn, target, name))
    return " ".join(sorted({PackageKey.from_entry(entry).version for entry in entries}))


def _newest(txn: Transaction, target: PackageList, name: str) -> list[Entry]:
    newest: dict[str, tuple[bytes, Entry]] = {}
    for entry in packageset.find(txn[CHUNKS], target.set_id, name.encode() + b"\0"):
        key = PackageKey.from_entry(entry)
        if key.architecture != "source":
            rank = sort_key(key.version), entry
            newest[key.architecture] = max(rank, newest.get(key.architecture, rank))
    return [entry for _, entry in newest.values()]
