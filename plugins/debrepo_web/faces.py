"""Faces: what a publication shows to the people who install from it."""

from __future__ import annotations

import re
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import DebrepoError
from debrepo.package import PackageKey
from debrepo.version import sort_key
from debrepo_web import trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debrepo.database import Transaction
    from debrepo.package import SetId
    from debrepo.session import Session
    from debrepo_web.publications import Overview
    from debrepo_web.trees import Addresses, ShownPublication, Usage

#: Packages that come with others: libraries, headers, manuals, debug symbols.
_SIDE = re.compile(r"^lib|-(?:dev|doc|dbg|dbgsym|common|data)$")
LISTED = 200  #: packages that a page lists at most
_ENTRIES = 5000  # of a package set that are looked at for them: a name may have many versions
_PUBLISHES = 10  # of the history that are looked at for what is new
_CHANGES = 500  # packages that one publish may change before they are counted, and not named
NEWS = 100  #: entries of a feed at most


class InstallablePackage(NamedTuple):
    """A package that clients can install: its newest version."""

    name: str
    version: str
    architectures: tuple[str, ...]
    summary: str


class News(NamedTuple):
    """What a publish brought to clients: a package that is new, or many."""

    at: int  #: in seconds since the epoch
    generation: int
    change: str  #: ``added``, ``upgraded``, …
    name: str
    version: str
    before: str
    architectures: tuple[str, ...]


class Face(NamedTuple):
    """A publication, as its users see it."""

    name: str
    title: str
    overview: Overview
    url: str
    usage: Usage | None
    addresses: Addresses
    packages: Sequence[InstallablePackage] = ()
    complete: bool = True  #: whether all packages are listed
    news: Sequence[News] = ()

    @property
    def example(self) -> str:
        """A package that people may want to install, rather than a library that comes with it."""
        names = [one.name for one in self.packages]
        wanted = [name for name in names if not _SIDE.search(name)]
        return min(wanted or names, key=len, default="")


def outline(overview: Overview, url: str, addresses: Addresses) -> Face:
    """Return what a list of publications shows of one."""
    one = overview.publication
    name = trees.name_of(one)
    return Face(name, one.label or one.origin or name, overview, url, None, addresses)


def whole(session: Session, overview: Overview, url: str, addresses: Addresses) -> Face:
    """Return all that a publication shows; what is read does not depend on how large it is."""
    one = overview.publication
    try:
        usage = trees.usage(session, one, url)
    except DebrepoError:  # the key that signs it is not here, or nobody has chosen one
        usage = None
    with session.db.read() as txn:
        found = list(islice(_packages(session, txn, overview), LISTED + 1))
    return outline(overview, url, addresses)._replace(
        usage=usage,
        packages=found[:LISTED],
        complete=len(found) <= LISTED,
        news=news(session, one),
    )


def news(session: Session, one: ShownPublication) -> list[News]:
    """Return what the last publishes brought, newest first."""
    words = {"distribution": one.distribution, "place": one.place}
    rows = session.call("publish.history", **words, limit=_PUBLISHES + 1)
    kept = {past.row.number for past in rows if past.state != "gone"}
    found: list[News] = []
    for row in [past.row for past in rows[:_PUBLISHES] if past.state != "gone"]:
        size = sum(row.changes.values())
        if row.base in kept and size <= _CHANGES:
            changes = session.call("publish.compare", **words, start=row.base, end=row.number)
            found += _new(row, changes.packages)
        elif row.base not in kept or size:
            found.append(News(row.committed, row.number, "published", "", "", "", ()))
        if len(found) >= NEWS:
            break
    return found[:NEWS]


def _new(row: Any, changes: Sequence[Any]) -> Iterator[News]:
    """Yield the packages that a publish brought, one for all architectures."""
    brought = [one for one in changes if one.change not in ("removed", "downgraded")]
    same = attrgetter("name", "after")
    for (name, version), group in groupby(sorted(brought, key=same), same):
        members = list(group)
        first = members[0]
        architectures = tuple(dict.fromkeys(one.architecture for one in members))
        yield News(
            row.committed, row.number, first.change, name, version, first.before, architectures
        )


def _packages(
    session: Session, txn: Transaction, overview: Overview
) -> Iterator[InstallablePackage]:
    """Yield the packages that clients find, component by component."""
    one = overview.publication
    for component in overview.components:
        name = f"{one.place}/{one.distribution}/{component}"
        served = session.hook.debrepo_package_list(txn=txn, kind="publication", name=name)
        yield from _of_set(txn, served.set_id, {*overview.architectures, "all"} - {"source"})


def _of_set(
    txn: Transaction, set_id: SetId, architectures: set[str]
) -> Iterator[InstallablePackage]:
    entries = islice(packageset.entries(txn[CHUNKS], set_id), _ENTRIES)
    for name, group in groupby(entries, _name_of):
        keys = {entry: PackageKey.from_entry(entry) for entry in group}
        there = {entry: key for entry, key in keys.items() if key.architecture in architectures}
        if not there:
            continue
        newest = max(there, key=lambda entry: sort_key(there[entry].version))
        version = there[newest].version
        package = catalog.get(txn, newest)
        if package.kind != "deb":  # nothing that apt installs
            continue
        summary = package.field("Description").partition("\n")[0]
        found = dict.fromkeys(key.architecture for key in there.values() if key.version == version)
        yield InstallablePackage(name.decode(), version, tuple(found), summary)


def _name_of(entry: bytes) -> bytes:
    return entry.partition(b"\0")[0]
