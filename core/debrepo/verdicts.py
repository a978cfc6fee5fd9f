"""Verdicts: which packages have been read deep, and which of them are broken."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from debrepo import packageset
from debrepo.catalog import CHUNKS, CONTENTS, DEFECTS
from debrepo.package import RULES_VERSION, Entry
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.catalog import Defect
    from debrepo.config import Config
    from debrepo.database import Transaction
    from debrepo.package import SetId

_RULES = 1  # raise it when a package may pass that was broken by the rules before
_WALK = 4096  # packages to look up before the pages that they stand on are unmapped


class Broken(NamedTuple):
    """A package that dpkg would not install, and why."""

    entry: Entry
    defect: Defect

    def __str__(self) -> str:
        return f"{self.defect.file} is broken: {self.defect.reason}"


def rules(config: Config) -> str:
    """Return a name for what packages are held against: with others, it is another one."""
    limits = [*sorted(config.section("ingest.limits").items()), config["archive.policy"]]
    return f"{_RULES}.{RULES_VERSION}-{crc32(repr(limits).encode()):08x}"


def known_defect(config: Config, txn: Transaction, entry: Entry) -> Defect | None:
    """Return what is wrong with a package, as far as it is known by the limits of today."""
    defect = txn[DEFECTS].get(entry)
    return defect if defect is not None and defect.rules == rules(config) else None


def unread(config: Config, txn: Transaction, entries: Iterable[Entry]) -> list[Entry]:
    """Return the packages of which it is not known what is in them."""
    listed, some = txn[CONTENTS], bool(txn[DEFECTS])
    found: list[Entry] = []
    for number, entry in enumerate(entries, 1):
        if not number % _WALK:
            txn.trim()
        if entry not in listed and not (some and known_defect(config, txn, entry)):
            found.append(entry)
    return found


def broken(config: Config, txn: Transaction, set_id: SetId) -> list[Broken]:
    """Return the packages of a set that are known to be broken; there are hardly ever any."""
    defects = list(txn[DEFECTS].items())
    if not defects:
        return []
    today = rules(config)
    found = [Broken(Entry(entry), defect) for entry, defect in defects if defect.rules == today]
    there = packageset.conflicts(txn[CHUNKS], set_id, (one.entry for one in found))
    return [one for one in found if there.get(one.entry) == one.entry]
