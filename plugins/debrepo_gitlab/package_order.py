"""The packages that a client asks for, in its order, found by their places."""

from __future__ import annotations

import re
from itertools import accumulate, compress
from typing import TYPE_CHECKING, NamedTuple

from debrepo_gitlab import listed_orders
from debrepo_gitlab.sequences import Stretch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence, Set

    from debrepo.database import Transaction
    from debrepo_gitlab.likeness import Pageable
    from debrepo_gitlab.sequences import Block

#: The letter of each order; all packages are of one type.
LETTERS = {"created_at": "c", "name": "n", "version": "v", "type": "n"}


class PackageFilter(NamedTuple):
    """What a client asks for."""

    name: str = ""  #: part of the name, in lower case
    version: str = ""
    projects: Set[bytes] | None = None  #: numbers of those that count, if not all of a group do


class Sifted:
    """Packages that a filter lets through: blocks are counted, and a slice reads only its own."""

    def __init__(self, blocks: Iterable[Block], wanted: PackageFilter) -> None:
        self._wanted = wanted
        self._blocks = []
        counts = []
        for block, count in _counted(blocks, wanted):
            self._blocks.append(block)
            counts.append(count)
        self._ends = list(accumulate(counts))

    def __len__(self) -> int:
        """Return how many there are."""
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, part: slice) -> list[bytes]:
        """Return the keys from one number to another."""
        found: list[bytes] = []
        before = 0
        for block, end in zip(self._blocks, self._ends, strict=True):
            if part.start < end and before < part.stop:
                keys = _let_through(block, self._wanted)
                found += keys[max(part.start - before, 0) : part.stop - before]
            before = end
        return found


class Chain:
    """The packages of projects, one after another."""

    def __init__(self, parts: Iterable[Pageable[bytes]]) -> None:
        self._parts = [part for part in parts if len(part)]

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(map(len, self._parts))

    def __getitem__(self, part: slice) -> list[bytes]:
        """Return the keys from one number to another."""
        start, stop = part.start, part.stop
        found: list[bytes] = []
        for one in self._parts:
            if start < len(one) and stop > 0:
                found += one[max(start, 0) : min(stop, len(one))]
            start, stop = start - len(one), stop - len(one)
        return found


def choose(txn: Transaction, whose: str, letter: str, wanted: PackageFilter) -> Pageable[bytes]:
    """Return the packages of a project, by its number, or of a group, by its key."""
    low, high = b"", None
    if "\0" in wanted.version:  # which ends a version in a key
        return []
    if wanted.version:
        letter = listed_orders.OF_VERSION[letter]
        low, high = listed_orders.version_bounds(wanted.version)
    order = listed_orders.of(txn, whose, letter)
    start = order.rank(low) if low else 0
    stop = len(order) if high is None else order.rank(high)
    if len(low) <= listed_orders.LONGEST:  # no other version begins as this one does
        wanted = wanted._replace(version="")
    if wanted == PackageFilter():
        return Stretch(order, start, stop)
    return Sifted(order.blocks(start, stop), wanted)


def by_project(txn: Transaction, projects: Iterable[int], wanted: PackageFilter) -> Pageable[bytes]:
    """Return the packages of projects, each with its own in the order of their names."""
    every = (listed_orders.of(txn, str(one), "n") for one in projects)
    if wanted == PackageFilter():
        return Chain(Stretch(order, 0, len(order)) for order in every)
    return Chain(Sifted(order.blocks(0, len(order)), wanted) for order in every)


def _counted(blocks: Iterable[Block], wanted: PackageFilter) -> Iterable[tuple[Block, int]]:
    """Yield the blocks that have packages that a filter lets through, and how many."""
    name, version = wanted.name.encode(), wanted.version.encode()
    in_line = re.compile(re.escape(name) + rb"[^\n]*")
    for block in blocks:
        if name not in block.names or b"\n" in name or version not in block.texts:
            continue
        if version or wanted.projects is not None:
            count = len(_let_through(block, wanted))
        else:
            count = len(in_line.findall(block.names))
        if count:
            yield block, count


def _let_through(block: Block, wanted: PackageFilter) -> list[bytes]:
    """Return the keys of the packages of a block that a filter lets through."""
    keys: Sequence[bytes] = block.keys.split(b"\n")
    names: Collection[bytes] = block.names.split(b"\n")
    name, version, projects = wanted.name.encode(), wanted.version.encode(), wanted.projects
    passed = [name in one for one in names]
    if version:
        texts = block.texts.split(b"\n")
        passed = [yes and one == version for yes, one in zip(passed, texts, strict=True)]
    if projects is not None:
        found = [one.rpartition(b"\0")[2] in projects for one in keys]
        passed = [yes and one for yes, one in zip(passed, found, strict=True)]
    return list(compress(keys, passed))
