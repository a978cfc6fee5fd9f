"""The packages of projects in the order that a client asks for, found where it looks."""

from __future__ import annotations

from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING

from debrepo_gitlab import listing_filters, listings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.listed_orders import SortedRow

#: The letter of each order in a listing; all packages are of one type.
LETTERS = {"created_at": "c", "name": "n", "version": "v", "type": "n"}


class Chosen:
    """The packages of projects that a filter lets through; a slice looks for these only."""

    def __init__(
        self,
        txn: Transaction,
        projects: Collection[Container],
        order: str,
        *,
        backwards: bool,
        name: str,
        version: str,
    ) -> None:
        self._txn = txn
        self._letter = LETTERS.get(order, "")
        self._backwards = backwards
        self._projects = {one.id: one for one in projects}
        if order == "project_path":
            ordered = sorted(projects, key=lambda one: one.path, reverse=backwards)
            self._projects = {one.id: one for one in ordered}
        every = (
            listing_filters.choose(txn, one.id, listings.count(txn, one.id), name, version)
            for one in self._projects.values()
        )
        self._filters = [found for found in every if found.size]
        self._count = sum(found.size for found in self._filters)

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __getitem__(self, part: slice) -> list[SortedRow]:
        """Return the rows from one number to another, reached from the nearer end."""
        start, stop = min(part.start, self._count), min(part.stop, self._count)
        if not self._letter:
            return list(self._by_project(start, stop))
        if start <= self._count - stop:
            return list(islice(self._sorted(backwards=self._backwards), start, stop))
        start, stop = self._count - stop, self._count - start
        return list(islice(self._sorted(backwards=not self._backwards), start, stop))[::-1]

    def _by_project(self, start: int, stop: int) -> Iterator[SortedRow]:
        """Yield packages project by project; those of one stay in the order of their names."""
        for found in self._filters:
            if start < found.size and stop > 0:
                rows = listing_filters.sorted_rows(self._txn, found, "n", backwards=False)
                yield from islice(rows, max(0, start), min(stop, found.size))
            start, stop = start - found.size, stop - found.size

    def _sorted(self, *, backwards: bool) -> Iterable[SortedRow]:
        each = [
            listing_filters.sorted_rows(self._txn, found, self._letter, backwards=backwards)
            for found in self._filters
        ]
        return each[0] if len(each) == 1 else merge(*each, reverse=backwards)
