"""Listings: the packages of each project in the order of every list, so that a page costs its rows.

A listing remembers the package sets that it was made from. What has come and gone since then is
the difference of sets, and `refresh` records it: after each publish, and before a list is read
whose repositories have changed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.database import json_table
from debrepo.errors import NotFound
from debrepo.package import Entry, SetId
from debrepo.packageset import EMPTY
from debrepo_gitlab import containers, distributions, listed_orders, owners, packages
from debrepo_gitlab.containers import CONTAINERS
from debrepo_gitlab.packages import Member, SourceVersion
from debrepo_gitlab.refusals import NoPackage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container


class Row(NamedTuple):
    """A package in GitLab's sense."""

    id: int
    project: int
    name: str
    version: str
    created: float
    #: Distribution and component, as ``17 main``, and the entry of each binary or source package.
    members: tuple[tuple[str, Entry], ...]


class Listing(NamedTuple):
    """What the rows of a project were made from."""

    sets: dict[str, SetId] = {}  # noqa: RUF012  # by distribution and component
    groups: tuple[str, ...] = ()  #: the keys of those whose orders its packages are in


class Refreshment(NamedTuple):
    """The rows that replace others in a listing."""

    before: Listing
    sets: dict[str, SetId]
    gone: tuple[Row, ...]
    new: tuple[Row, ...]
    anew: bool  #: whether there are other rows, which have to go
    mark: bytes | None  #: why it was to be made


def _load_row(fields: dict[str, Any]) -> Row:
    members = tuple((place, Entry(bytes.fromhex(entry))) for place, entry in fields["members"])
    return Row(**{**fields, "members": members})


def _dump_row(row: Row) -> dict[str, Any]:
    return {**row._asdict(), "members": [(place, entry.hex()) for place, entry in row.members]}


def _load(fields: dict[str, Any]) -> Listing:
    sets = {place: SetId(bytes.fromhex(one)) for place, one in fields["sets"].items()}
    return Listing(sets, tuple(fields["groups"]))


def _dump(listing: Listing) -> dict[str, Any]:
    sets = {place: one.hex() for place, one in listing.sets.items()}
    return {"sets": sets, "groups": listing.groups}


def _begin_anew(txn: Transaction) -> None:
    """Discard listings in other orders than these; they are made when somebody asks."""
    for number in txn[LISTINGS]:
        owners.mark(txn, int(number))
    txn[LISTINGS].clear()
    txn[ROWS].clear()


#: The number of a project to its listing.
LISTINGS = json_table(
    "gitlab.listings",
    load=_load,
    dump=_dump,
    record=Listing,
    version=3,
    migrations=(_begin_anew, _begin_anew),
)
#: The numbers of project and package, with NUL between them.
ROWS = json_table("gitlab.listed", load=_load_row, dump=_dump_row, record=Row)


def refresh(session: Session, project: Container) -> None:
    """Bring the listing of a project up to date."""
    while True:
        with session.db.read() as txn:
            found = _due(session, txn, project)
        if found is None or session.db.update(partial(_apply, project=project, found=found)):
            return


def _due(session: Session, txn: Transaction, project: Container) -> Refreshment | None:
    mark = owners.mark_of(txn, project.id)
    if mark is None and is_made(txn, project):
        return None
    before = txn[LISTINGS].get(str(project.id), Listing())
    sets = _sets(session, txn, project)
    if mark is None and not sets:
        return None
    try:
        found = _difference(session, txn, project, before, sets)
    except (KeyError, NotFound):  # a cleanup has deleted what the old sets consisted of
        found = _difference(session, txn, project, Listing(), sets)
        found = found._replace(before=before, anew=True)
    return found._replace(mark=mark)


def _sets(session: Session, txn: Transaction, project: Container) -> dict[str, SetId]:
    found = {
        place: packages.held(session, txn, repo)
        for place, repo in repositories(txn, project).items()
    }
    return {place: set_id for place, set_id in found.items() if set_id != EMPTY}


def repositories(txn: Transaction, project: Container) -> dict[str, str]:
    """Return the repositories of a project, by distribution and component."""
    return {
        f"{found.id} {component}": repo
        for found in distributions.list_(txn, project)
        for component, repo in {**found.kept, **found.components}.items()
    }


def _difference(
    session: Session,
    txn: Transaction,
    project: Container,
    before: Listing,
    sets: dict[str, SetId],
) -> Refreshment:
    old: dict[tuple[str, str], Row] = {}
    new: dict[tuple[str, str], Row] = {}

    def row_of(source: tuple[str, str]) -> Row:
        if source not in new:
            row = find(txn, project, source) if before.sets else None
            if row is not None:
                old[source] = row
            number = packages.number(project.id, *source)
            new[source] = row or Row(number, project.id, *source, float("inf"), ())
        return new[source]

    for place in {**before.sets, **sets}:
        was, now = before.sets.get(place, EMPTY), sets.get(place, EMPTY)
        change = packageset.diff(txn[CHUNKS], was, now)
        gone = catalog.get_many(txn, change.removed)
        for entry, package in zip(change.removed, gone, strict=True):
            row = row_of(package.source)
            members = tuple(one for one in row.members if one != (place, entry))
            new[package.source] = row._replace(members=members)
        come = catalog.get_many(txn, change.added)
        for entry, package in zip(change.added, come, strict=True):
            row = row_of(package.source)
            created = min(row.created, packages.stored(session, package.files))
            members = tuple(sorted({*row.members, (place, entry)}))
            new[package.source] = row._replace(members=members, created=created)
    kept = tuple(row for row in new.values() if row.members)
    return Refreshment(before, sets, tuple(old.values()), kept, anew=False, mark=None)


def _apply(txn: Transaction, project: Container, found: Refreshment) -> bool:
    """Record changed rows; return whether the listing was still the one that they are for."""
    if project.key not in txn[CONTAINERS]:
        return True
    before = txn[LISTINGS].get(str(project.id), Listing())
    if before != found.before:
        return False
    if found.anew:
        discard(txn, project)
        before = Listing()
    for row in found.gone:
        del txn[ROWS][row_key(project.id, row.id)]
    txn[ROWS].put_many(sorted((row_key(project.id, row.id), row) for row in found.new))
    now = containers.get(txn, project.key)
    groups = tuple(group.key for group in containers.above(txn, now))
    _put_in_order(txn, project.id, before.groups, groups, found)
    txn[LISTINGS][str(project.id)] = Listing(found.sets, groups)
    owners.settle(txn, project.id, found.mark)
    return True


def _put_in_order(
    txn: Transaction,
    project: int,
    before: tuple[str, ...],
    after: tuple[str, ...],
    found: Refreshment,
) -> None:
    """Change the orders of a project, and those of the groups that it was in and is in."""
    for group in set(before) - set(after):
        listed_orders.leave(txn, project, group)
    for whose in (str(project), *(set(before) & set(after))):
        listed_orders.change(txn, whose, found.gone, found.new)
    for group in set(after) - set(before):
        listed_orders.join(txn, project, group)


def discard(txn: Transaction, project: Container) -> None:
    """Delete the listing of a project."""
    if project.kind != "project":
        return
    start = f"{project.id}\0".encode()
    for row in list(txn[ROWS].prefix_keys(start)):
        del txn[ROWS][row]
    for group in txn[LISTINGS].get(str(project.id), Listing()).groups:
        listed_orders.leave(txn, project.id, group)
    listed_orders.discard(txn, project.id)
    txn[LISTINGS].discard(str(project.id))


def row_key(project: int, number: int) -> str:
    """Return the key of a row."""
    return f"{project}\0{number}"


def get(txn: Transaction, project: int, number: int) -> Row:
    """Return the package of this number in a project, given by its own."""
    row = txn[ROWS].get(row_key(project, number))
    if row is None:
        raise NoPackage(f"no package with the number {number}")
    return row


def find(txn: Transaction, project: Container, source: tuple[str, str]) -> Row | None:
    """Return a package by its name and version, if there is one."""
    return txn[ROWS].get(row_key(project.id, packages.number(project.id, *source)))


def is_made(txn: Transaction, project: Container) -> bool:
    """Return whether a project has a listing, be it out of date."""
    return str(project.id) in txn[LISTINGS]


def is_in(txn: Transaction, project: int, group: str) -> bool:
    """Return whether packages of a project are in the orders of a group, given by its key."""
    return group in txn[LISTINGS].get(str(project), Listing()).groups


def load(txn: Transaction, row: Row, repos: Mapping[str, str]) -> SourceVersion:
    """Return the package of a row; `repositories` of its project names those of its members."""
    members = tuple(Member(repos[place], catalog.get(txn, one)) for place, one in row.members)
    return SourceVersion(row.id, row.project, row.name, row.version, members)


def files(txn: Transaction, row: Row) -> list[str]:
    """Return the names of the files of a package."""
    every = catalog.get_many(txn, (entry for _, entry in row.members))
    return [file.name for package in every for file in package.files]
