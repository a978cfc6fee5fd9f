"""The packages of projects in the order that a client asks for, read where it looks."""

from __future__ import annotations

from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING

from debrepo_gitlab import listings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debrepo.database import Transaction
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.listings import Row

#: The letter of each order in a listing; all packages are of one type.
_LETTERS = {"created_at": "c", "name": "n", "version": "v", "type": "n"}


class Chosen:
    """The packages of projects that a filter lets through; a slice reads their rows only."""

    def __init__(
        self,
        txn: Transaction,
        projects: Sequence[Container],
        order: str,
        *,
        backwards: bool,
        name: str,
        version: str,
    ) -> None:
        self._txn = txn
        self._order = order
        self._backwards = backwards
        self._projects = list(projects)
        if order == "project_path":
            self._projects.sort(key=lambda one: one.path, reverse=backwards)
        self._matching = {one.id: _matching(txn, one, name, version) for one in projects}

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(
            listings.count(self._txn, one) if (ids := self._matching[one.id]) is None else len(ids)
            for one in self._projects
        )

    def __getitem__(self, part: slice) -> list[Row]:
        """Return the rows from one number to another."""
        numbers = list(islice(self._numbers(), part.start, part.stop))
        return [listings.get(self._txn, project, number) for project, number in numbers]

    def _numbers(self) -> Iterator[tuple[Container, int]]:
        if self._order == "project_path":
            for one in self._projects:
                for _, _, number in self._of(one, "n", backwards=False):
                    yield one, number
            return
        by_id = {one.id: one for one in self._projects}
        letter, backwards = _LETTERS[self._order], self._backwards
        each = [self._of(one, letter, backwards=backwards) for one in self._projects]
        for _, project, number in merge(*each, reverse=backwards):
            yield by_id[project], number

    def _of(
        self, project: Container, letter: str, *, backwards: bool
    ) -> Iterator[tuple[bytes, int, int]]:
        matching = self._matching[project.id]
        if matching is not None and not matching:
            return
        for key, number in listings.ids(self._txn, project, letter, backwards=backwards):
            if matching is None or number in matching:
                yield key, project.id, number


def _matching(txn: Transaction, project: Container, name: str, version: str) -> set[int] | None:
    """Return the numbers of the packages that a filter lets through; ``None``: all."""
    found = listings.named(txn, project, name) if name else None
    if not version:
        return found
    of_version = listings.of_version(txn, project, version)
    return of_version if found is None else found & of_version
