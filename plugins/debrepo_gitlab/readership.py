"""Readership: the projects of each group, and which of them each caller may read."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from debrepo_gitlab import container_lists, containers
from debrepo_gitlab.containers import NUMBERS

if TYPE_CHECKING:
    from debrepo.database import Transaction
    from debrepo.permissions import Caller
    from debrepo_gitlab.container_lists import ListedContainer
    from debrepo_gitlab.containers import Container

_MOST = 300_000  # projects and scopes of callers that are kept, of all groups together
_Asking = tuple[str, tuple[str, ...], bool]  # group, scopes of a caller, whether it is anonymous


class Below:
    """The projects of a group."""

    def __init__(self, change: int, projects: dict[int, ListedContainer]) -> None:
        self.change = change
        self.projects = projects


class Readable(NamedTuple):
    """Which of the projects of a group a caller may read."""

    below: Below
    projects: dict[int, ListedContainer]
    cost: int


class Readership:
    """The groups that a server was asked for, as they were at the last change of any."""

    def __init__(self, most: int = _MOST) -> None:
        self._groups: dict[str, Below] = {}
        self._readable: OrderedDict[_Asking, Readable] = OrderedDict()
        self._most = most
        self._cost = 0
        self._lock = Lock()

    def readable(
        self, txn: Transaction, group: Container, caller: Caller
    ) -> tuple[dict[int, ListedContainer], bool]:
        """Return the projects of a group that a caller may read, and whether that is all."""
        below = self._below(txn, group)
        asked = group.key, caller.scopes, caller.anonymous
        with self._lock:
            known = self._readable.get(asked)
            if known is not None and known.below is below:
                self._readable.move_to_end(asked)
                return known.projects, known.projects is below.projects
        may_read = containers.reach(caller, "read", "project")
        found = {
            number: one
            for number, one in below.projects.items()
            if may_read(one.path, one.visibility)
        }
        cost = len(caller.scopes)
        if len(found) == len(below.projects):
            found = below.projects
        else:
            cost += len(found)
        self._keep(asked, Readable(below, found, cost))
        return found, found is below.projects

    def _keep(self, asked: _Asking, readable: Readable) -> None:
        """Remember what a caller may read, instead of what was asked for longest ago."""
        with self._lock:
            if self._groups.get(asked[0]) is not readable.below or asked in self._readable:
                return
            self._readable[asked] = readable
            self._cost += readable.cost
            while self._cost > self._most:
                self._cost -= self._readable.popitem(last=False)[1].cost

    def below(self, txn: Transaction, group: Container) -> dict[int, ListedContainer]:
        """Return the projects of a group and of the groups below it, by number."""
        return self._below(txn, group).projects

    def _below(self, txn: Transaction, group: Container) -> Below:
        change = txn[NUMBERS].get(containers.CHANGES, 0)
        with self._lock:
            below = self._groups.get(group.key)
        if below is None or below.change != change:
            now = containers.get(txn, group.key)
            below = Below(change, container_lists.below(txn, "project", now))
            with self._lock:
                latest = max((one.change for one in self._groups.values()), default=0)
                if change > latest:
                    self._groups.clear()
                    self._readable.clear()
                    self._cost = 0
                if change >= latest:
                    below = self._groups.setdefault(group.key, below)
        return below
