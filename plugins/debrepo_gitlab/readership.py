"""Readership: the projects of each group, and which of them each caller may read."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from debrepo_gitlab import container_lists, containers
from debrepo_gitlab.containers import NUMBERS

if TYPE_CHECKING:
    from debrepo.database import Transaction
    from debrepo.permissions import Caller
    from debrepo_gitlab.container_lists import ListedContainer
    from debrepo_gitlab.containers import Container

_MOST_CALLERS = 100
_Asking = tuple[tuple[str, ...], bool]  # scopes of a caller, and whether it is anonymous


class Below:
    """The projects of a group, and which of them each caller may read."""

    def __init__(self, change: int, projects: dict[int, ListedContainer]) -> None:
        self.change = change
        self.projects = projects
        self.readable: OrderedDict[_Asking, dict[int, ListedContainer]] = OrderedDict()


class Readership:
    """The groups that a server was asked for, as they were at the last change of any."""

    def __init__(self) -> None:
        self._groups: dict[str, Below] = {}
        self._lock = Lock()

    def readable(
        self, txn: Transaction, group: Container, caller: Caller
    ) -> tuple[dict[int, ListedContainer], bool]:
        """Return the projects of a group that a caller may read, and whether that is all."""
        below = self._below(txn, group)
        asked = caller.scopes, caller.anonymous
        with self._lock:
            known = below.readable.get(asked)
        if known is None:
            may_read = containers.reach(caller, "read", "project")
            known = {
                number: one
                for number, one in below.projects.items()
                if may_read(one.path, one.visibility)
            }
            with self._lock:
                below.readable[asked] = known
                while len(below.readable) > _MOST_CALLERS:
                    below.readable.popitem(last=False)
        return known, len(known) == len(below.projects)

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
                if below.change >= max((one.change for one in self._groups.values()), default=0):
                    self._groups = {k: v for k, v in self._groups.items() if v.change == change}
                    self._groups[group.key] = below
        return below
