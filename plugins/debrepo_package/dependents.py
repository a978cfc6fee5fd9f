"""Dependents: the packages that name another one in a dependency field."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from debrepo.catalog import PACKAGES
from debrepo.package import PackageKey, decode
from debrepo.version import sort_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.package import Package

#: The fields in which packages name others, the strongest first.
FIELDS = (
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Suggests",
    "Enhances",
    "Breaks",
    "Conflicts",
    "Replaces",
    "Build-Depends",
    "Build-Depends-Indep",
    "Build-Depends-Arch",
    "Build-Conflicts",
)


class Dependent(NamedTuple):
    """A package that names another one: the newest that does so in a field."""

    key: PackageKey
    field: str
    relation: str  #: as the field has it, with its alternatives


def walk(txn: Transaction, name: str, after: str = "") -> Iterator[list[Dependent]]:
    """Yield the dependents of ``name`` that share a name, in order of names from ``after`` on.

    Records that do not contain the name are passed over unread.
    """
    needle = name.encode()
    alternative = re.compile(rf"\s*{re.escape(name)}(?![A-Za-z0-9+.-])")
    start = after.encode() + b"\1" if after else None
    holding = ((entry, record) for entry, record in txn[PACKAGES].range(start) if needle in record)
    for _, group in groupby(holding, lambda pair: pair[0][: pair[0].index(b"\0")]):
        packages = (decode(PackageKey.from_entry(entry), record) for entry, record in group)
        if found := _newest(packages, alternative):
            yield found


def _newest(packages: Iterable[Package], alternative: re.Pattern[str]) -> list[Dependent]:
    """Return a dependent for each field, of the packages of one name."""
    found: dict[str, Dependent] = {}
    ordered = sorted(packages, key=lambda one: sort_key(one.key.version), reverse=True)
    for package in ordered:
        for field in FIELDS:
            if field not in found and (relation := _relation(package.field(field), alternative)):
                found[field] = Dependent(package.key, field, relation)
    return [found[field] for field in FIELDS if field in found]


def _relation(text: str, alternative: re.Pattern[str]) -> str:
    for requirement in text.split(","):
        if any(map(alternative.match, requirement.split("|"))):
            return " ".join(requirement.split())
    return ""
