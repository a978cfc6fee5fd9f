"""Sorted lists: the packages of large projects and groups, kept in memory by a server.

A list is made after the first page of it was sent. What has changed since then is read before
the next one, so that any page and any filter costs about the same.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import DebrepoError
from debrepo_gitlab import containers, listed_orders, listing_filters, listings
from debrepo_gitlab.containers import CONTAINERS, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Set

    from debrepo.database import Transaction
    from debrepo.permissions import Caller
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.listed_orders import SortedRow

LEAST_ROWS = 1000  # of a project, below which its list is not worth the memory
_MOST_ROWS = 300_000  # in all lists of a server; one takes about 300 bytes
_MOST_CHANGED = 15_000  # rows that are read anew before a page
_SEEK = 20  # times what a row takes: to find the rows of a project
_MOST_CALLERS = 100


class ListedPackage(NamedTuple):
    """A package in an order, with what filters look at."""

    order: bytes
    project: int
    name: bytes  #: in lower case
    version: bytes


class SortedList(NamedTuple):
    """The packages of projects in an order, as they were in a state of the database."""

    serial: int
    projects: frozenset[int]
    rows: list[ListedPackage]


class Below:
    """The projects of a group, and which of them each caller may read."""

    def __init__(self, change: int, projects: dict[int, Container]) -> None:
        self.change = change
        self.projects = projects
        self.numbers = frozenset(projects)
        self.readable: OrderedDict[tuple[tuple[str, ...], bool], dict[int, Container]] = (
            OrderedDict()
        )


class SortedLists:
    """The lists of a server, those that were asked for last."""

    def __init__(self, most: int = _MOST_ROWS) -> None:
        self._most = most
        self._lists: OrderedDict[tuple[str, str], SortedList] = OrderedDict()
        self._learning: set[tuple[str, str]] = set()
        self._groups: dict[str, Below] = {}
        self._lock = Lock()

    def readable(self, txn: Transaction, group: Container, caller: Caller) -> dict[int, Container]:
        """Return the projects of a group that a caller may read, by number."""
        below = self._below(txn, group)
        asked = caller.scopes, caller.anonymous
        with self._lock:
            known = below.readable.get(asked)
        if known is None:
            may_read = containers.permits(caller, "read")
            known = {number: one for number, one in below.projects.items() if may_read(one)}
            with self._lock:
                below.readable[asked] = known
                while len(below.readable) > _MOST_CALLERS:
                    below.readable.popitem(last=False)
        return known

    def _below(self, txn: Transaction, group: Container) -> Below:
        change = txn[NUMBERS].get(containers.CHANGES, 0)
        with self._lock:
            below = self._groups.get(group.key)
        if below is None or below.change != change:
            projects = containers.below(txn, containers.get(txn, group.key))
            below = Below(change, {one.id: one for one in projects})
            with self._lock:
                if below.change >= max((one.change for one in self._groups.values()), default=0):
                    self._groups = {k: v for k, v in self._groups.items() if v.change == change}
                    self._groups[group.key] = below
        return below

    def find(
        self, txn: Transaction, container: Container, letter: str, *, filtered: bool = True
    ) -> SortedList | None:
        """Return the list of a project or group in an order, if it takes little to have it.

        A page of a whole project is found in the database sooner than a changed list is read.
        """
        most = _MOST_CHANGED if filtered or container.kind == "group" else 0
        asked = container.key, letter
        with self._lock:
            known = self._lists.get(asked)
        if known is None or known.serial > txn.serial:
            return None
        return self._follow(txn, container, letter, known, most=most)

    def is_worth(self, txn: Transaction, container: Container) -> bool:
        """Return whether `learn` would keep the lists of a project or group."""
        if container.kind == "project":
            return LEAST_ROWS <= listings.count(txn, container.id) <= self._most
        return True

    def _size(self, txn: Transaction, container: Container) -> int:
        return sum(listings.count(txn, number) for number in self._projects(txn, container))

    def learn(self, session: Session, container: Container, letter: str) -> None:
        """Read the list of a project or group in an order, if there is room for it."""
        asked = container.key, letter
        with self._lock:
            if asked in self._learning:
                return
            self._learning.add(asked)
            known = self._lists.get(asked, SortedList(0, frozenset(), []))
        try:
            with suppress(DebrepoError), session.db.read() as txn:  # it may be dropped meanwhile
                if self._size(txn, container) <= self._most:
                    self._follow(txn, container, letter, known, most=inf)
        finally:
            with self._lock:
                self._learning.remove(asked)

    def _follow(
        self, txn: Transaction, container: Container, letter: str, known: SortedList, *, most: float
    ) -> SortedList | None:
        """Return a list brought up to date, or nothing if more has changed than ``most``."""
        projects = self._projects(txn, container)
        changed = projects ^ known.projects
        if known.projects:
            changed |= listings.changed(txn, known.serial, txn.serial) & projects
        if sum(listings.count(txn, one) + _SEEK for one in changed) > most:
            return None
        rows = _replaced(txn, known.rows, letter, changed, projects) if changed else known.rows
        new = SortedList(txn.serial, projects, rows)
        self._keep((container.key, letter), new)
        return new

    def _keep(self, asked: tuple[str, str], new: SortedList) -> None:
        with self._lock:
            known = self._lists.get(asked)
            if known is None or known.serial <= new.serial:
                self._lists[asked] = new
            self._lists.move_to_end(asked)
            while sum(len(one.rows) for one in self._lists.values()) > self._most:
                self._lists.popitem(last=False)

    def _projects(self, txn: Transaction, container: Container) -> frozenset[int]:
        if container.kind == "group":
            return self._below(txn, container).numbers
        return frozenset((container.id,) if container.key in txn[CONTAINERS] else ())


def _replaced(
    txn: Transaction, rows: list[ListedPackage], letter: str, changed: Set[int], projects: Set[int]
) -> list[ListedPackage]:
    """Return a list in which the packages of changed projects are read anew."""
    kept = [one for one in rows if one[1] not in changed]
    known: dict[int, dict[bytes, ListedPackage]] = {one: {} for one in changed}
    for one in rows:
        if one[1] in known:
            known[one[1]][one[0]] = one
    for project in changed & projects:
        there = known[project].get
        found = listed_orders.walk(txn, project, letter)
        kept += [there(row[0]) or _known(txn, letter, row) for row in found]
    kept.sort()
    return kept


def _known(txn: Transaction, letter: str, row: SortedRow) -> ListedPackage:
    name, version = listing_filters.name_and_version(txn, letter, row)
    return ListedPackage(row[0], row[1], name.lower(), version)


def choose(
    found: SortedList,
    projects: dict[int, Container],
    order: str,
    *,
    backwards: bool,
    name: str,
    version: str,
) -> list[ListedPackage]:
    """Return the packages of these projects whose names contain ``name``, and with this version."""
    rows = found.rows
    part, text = name.encode(), version.encode()
    if not found.projects <= projects.keys():
        rows = [one for one in rows if one[1] in projects]
    if part:
        rows = [one for one in rows if part in one[2]]
    if text:
        rows = [one for one in rows if one[3] == text]
    if order == "project_path":
        paths = sorted(projects.values(), key=lambda one: one.path, reverse=backwards)
        ranks = {one.id: rank for rank, one in enumerate(paths)}
        return sorted(rows, key=lambda one: ranks[one[1]])
    return rows[::-1] if backwards else rows
