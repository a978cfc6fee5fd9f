"""Inventories: the packages of projects in order, kept in memory so that a page costs its rows."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.packageset import EMPTY
from debrepo.version import sort_key
from debrepo_gitlab import distributions, packages
from debrepo_gitlab.packages import Member, SourceVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from debrepo.database import Transaction
    from debrepo.package import Entry, SetId
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container

_MOST = 500_000  # binary and source packages that are kept in memory


class Row(NamedTuple):
    """What a list sorts and filters by; `load` reads the rest."""

    id: int
    project: int
    name: str
    version: str
    version_key: bytes
    created: float
    members: tuple[tuple[str, Entry], ...]


class Stock(NamedTuple):
    """A binary or source package of a row."""

    source: tuple[str, str]
    created: float


class Inventory(NamedTuple):
    """The packages of a project; an update reads only the packages that came and went."""

    sets: Mapping[str, SetId]
    parts: Mapping[tuple[str, Entry], Stock]
    rows: Mapping[tuple[str, str], Row]
    ids: Mapping[int, Row]
    orders: dict[str, list[Row]]

    def ordered(self, name: str) -> list[Row]:
        """Return the rows by a key of `ORDERS`."""
        if name not in self.orders:
            self.orders[name] = sorted(self.rows.values(), key=ORDERS[name])
        return self.orders[name]


#: What a list can be sorted by.
ORDERS: dict[str, Callable[[Row], tuple[object, ...]]] = {
    "created_at": lambda row: (row.created, row.id),
    "name": lambda row: (row.name, row.version_key),
    "version": lambda row: (row.version_key, row.name),
    "type": lambda row: (row.name, row.version_key),  # all of them are Debian packages
}


class Inventories:
    """The inventories of a server; those used last stay in memory."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._of: OrderedDict[int, Inventory] = OrderedDict()
        self._lock = Lock()

    def of(self, session: Session, txn: Transaction, project: Container) -> Inventory:
        """Return what a project has now."""
        with self._lock:
            old = self._of.get(project.id, Inventory({}, {}, {}, {}, {}))
        sets = _sets(session, txn, project)
        new = old
        if old.sets != sets:
            try:
                new = _updated(session, txn, project, old, sets)
            except KeyError:  # a cleanup has deleted what the old sets consisted of
                new = _updated(session, txn, project, Inventory({}, {}, {}, {}, {}), sets)
        with self._lock:
            self._of[project.id] = new
            self._of.move_to_end(project.id)
            while len(self._of) > 1 and sum(len(i.parts) for i in self._of.values()) > self._most:
                self._of.popitem(last=False)
        return new


def _sets(session: Session, txn: Transaction, project: Container) -> dict[str, SetId]:
    return {
        repo: lists.get(session.hook, txn, "repo", repo).set_id
        for found in distributions.list_(txn, project)
        for repo in found.repos
    }


def _updated(
    session: Session,
    txn: Transaction,
    project: Container,
    old: Inventory,
    sets: Mapping[str, SetId],
) -> Inventory:
    parts = dict(old.parts)
    members: dict[tuple[str, str], set[tuple[str, Entry]]] = {}

    def touched(source: tuple[str, str]) -> set[tuple[str, Entry]]:
        if source not in members:
            members[source] = set(old.rows[source].members) if source in old.rows else set()
        return members[source]

    for repo in {**old.sets, **sets}:
        change = packageset.diff(txn[CHUNKS], old.sets.get(repo, EMPTY), sets.get(repo, EMPTY))
        for entry in change.removed:
            touched(parts.pop((repo, entry)).source).discard((repo, entry))
        for entry, package in zip(change.added, catalog.get_many(txn, change.added), strict=True):
            parts[repo, entry] = Stock(package.source, packages.stored(session, package.files))
            touched(package.source).add((repo, entry))
    rows = dict(old.rows)
    for (name, version), there in members.items():
        rows.pop((name, version), None)
        if there:
            rows[name, version] = Row(
                packages.number(project.id, name, version),
                project.id,
                name,
                version,
                sort_key(version),
                min(parts[one].created for one in there),
                tuple(sorted(there)),
            )
    return Inventory(sets, parts, rows, {row.id: row for row in rows.values()}, {})


def load(txn: Transaction, row: Row) -> SourceVersion:
    """Return the package of a row."""
    members = tuple(Member(repo, catalog.get(txn, entry)) for repo, entry in row.members)
    return SourceVersion(row.id, row.project, row.name, row.version, members)
