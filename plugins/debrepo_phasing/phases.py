"""Phases: which packages are offered to how many machines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo import packageset
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

_PHASE = re.compile(r"([A-Za-z0-9][A-Za-z0-9+._-]*)=(100|[1-9]?[0-9])")


def parse(given: Iterable[str]) -> dict[str, int]:
    """Return the percentages by the names of packages; raise `InvalidInput` for anything else."""
    wanted: dict[str, int] = {}
    for text in given:
        found = _PHASE.fullmatch(text)
        if found is None:
            raise InvalidInput(
                f"the option phased cannot be {text[:80]!r}",
                hint="give names of packages with a number from 0 to 100: --phased hello=20",
            )
        wanted[found[1]] = int(found[2])
    return wanted


def fields(
    txn: Transaction, wanted: Mapping[str, int], target: PackageList
) -> dict[Entry, dict[str, str]]:
    """Return the field of the newest version of each package, on each architecture.

    At 100 everybody gets it, and there is no field.
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


def _newest(txn: Transaction, target: PackageList, name: str) -> list[Entry]:
    newest: dict[str, tuple[bytes, Entry]] = {}
    for entry in packageset.find(txn[CHUNKS], target.set_id, name.encode() + b"\0"):
        key = PackageKey.from_entry(entry)
        if key.architecture != "source":
            rank = sort_key(key.version), entry
            newest[key.architecture] = max(rank, newest.get(key.architecture, rank))
    return [entry for _, entry in newest.values()]
