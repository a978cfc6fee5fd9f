"""Differences: the packages that are in only one of two lists."""

from __future__ import annotations

from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.package import PackageKey
from debrepo.values import NamedTuple
from debrepo.version import sort_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageList


class PackageDiff(NamedTuple):
    """A package that only one list has, or that each has in a version or build of its own."""

    left: PackageKey | None
    right: PackageKey | None

    @property
    def mark(self) -> str:
        """``-`` for what only the first list has, ``+`` for the second, ``!`` for others."""
        if self.left and self.right:
            return "!"
        return "-" if self.left else "+"

    @property
    def key(self) -> PackageKey:
        """The package on either side."""
        key = self.left or self.right
        assert key is not None  # there is one side at least
        return key


def compare(
    txn: Transaction, left: PackageList, right: PackageList, *, only_matching: bool = False
) -> list[PackageDiff]:
    """Return what the lists do not share, by name and architecture.

    Reads the chunks that differ, and no package.
    """
    removed, added = packageset.diff(txn[CHUNKS], left.set_id, right.set_id)
    groups: dict[bytes, tuple[list[PackageKey], list[PackageKey]]] = {}
    for side, entries in enumerate((removed, added)):
        for group, keys in _grouped(entries):
            groups.setdefault(group, ([], []))[side].extend(keys)
    changes = [
        PackageDiff(*pair) for group in sorted(groups) for pair in zip_longest(*groups[group])
    ]
    return [c for c in changes if c.mark == "!"] if only_matching else changes


def _grouped(entries: Iterable[Entry]) -> Iterator[tuple[bytes, list[PackageKey]]]:
    for group, found in groupby(entries, packageset.group):
        keys = [PackageKey.from_entry(entry) for entry in found]
        yield group, sorted(keys, key=lambda key: (sort_key(key.version), key.hash))
