"""Browsing: packages page by page, what needs them, and what is in them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, lists, packageset, selection
from debrepo.catalog import CHUNKS, PACKAGES
from debrepo.errors import InvalidInput, NotFound
from debrepo.version import sort_key

if TYPE_CHECKING:
    from debrepo.database import Transaction
    from debrepo.package import Entry, Package, SetId
    from debrepo.query import Query
    from debrepo.session import Session
    from debrepo_package.dependents import Dependent

_MOST = 1000  # packages of one page


class PackagePage(NamedTuple):
    """One page of the packages that a query matches."""

    packages: tuple[Package, ...]
    page: int  #: counted from 1
    matching: int  #: packages that match
    total: int  #: packages there are


class DependentPage(NamedTuple):
    """Packages that name another one, and the name after which there are more."""

    dependents: tuple[Dependent, ...]
    after: str = ""  #: empty if these are the last ones


def page(
    session: Session, *, of: str = "", query: str = "", page: int = 1, size: int = 100
) -> PackagePage:
    """Return one page of the packages of a list that a query matches, whole.

    ``of`` is ``kind:name``; empty, it is all packages there are. The last page stands for those
    behind it. Of packages that are on other pages, no more is read than the query asks for.
    """
    if page < 1:
        raise InvalidInput(f"page: {page} is no page; the first one is 1")
    _check_size(size)
    wanted = selection.parse(session.config, [query]) if query.strip() else None
    with session.db.read() as txn:
        set_id = lists.get(session.hook, txn, *lists.parse(of, "repo")).set_id if of else None
        total = len(txn[PACKAGES]) if set_id is None else packageset.count(txn[CHUNKS], set_id)
        if wanted is None:
            page = _within(page, size, total)
            entries, matching = _slice(txn, set_id, (page - 1) * size, page * size), total
        else:
            entries, page, matching = _matching(txn, set_id, wanted, page, size)
        return PackagePage(tuple(catalog.get_many(txn, entries)), page, matching, total)


def _within(page: int, size: int, count: int) -> int:
    """Return the number of a page, or that of the last one where there are not as many."""
    return max(min(page, -(-count // size)), 1)


def _slice(txn: Transaction, set_id: SetId | None, start: int, stop: int) -> list[Entry]:
    if set_id is None:
        return list(islice(catalog.find(txn), start, stop))
    return packageset.part(txn[CHUNKS], set_id, start, stop)


def _matching(
    txn: Transaction, set_id: SetId | None, wanted: Query, page: int, size: int
) -> tuple[list[Entry], int, int]:
    found = list(selection.members(txn, set_id, wanted))
    page = _within(page, size, len(found))
    return found[(page - 1) * size : page * size], page, len(found)


def dependents(session: Session, name: str, *, after: str = "", size: int = 100) -> DependentPage:
    """Return the packages that name a package in a dependency field, in order of their names.

    Of each name the newest version is shown that does. ``after`` is a name to go on from, and
    ``size`` how many names to return; 0: all.
    """
    from debrepo_package.dependents import walk

    if size:
        _check_size(size)
    with session.db.read() as txn:
        found = list(islice(walk(txn, name, after), size + 1 if size else None))
    shown = tuple(one for group in found[: size or None] for one in group)
    return DependentPage(shown, shown[-1].key.name if size and len(found) > size else "")


def changelog(session: Session, query: str) -> str:
    """Return the changelog of the newest package that a query matches, out of its files."""
    from debrepo_package import inside

    return inside.changelog(session, _newest(session, query))


def paths(session: Session, query: str) -> list[str]:
    """Return the paths that the newest package that a query matches installs or unpacks to."""
    from debrepo_package import inside

    return inside.paths(session, _newest(session, query))


def _newest(session: Session, query: str) -> Package:
    """Return the package with the newest version among those that a query matches."""
    wanted = selection.parse(session.config, [query])
    with session.db.read() as txn:
        entries = selection.members(txn, None, wanted)
        newest = max(entries, key=lambda entry: sort_key(_version(entry)), default=None)
        if newest is None:
            raise NotFound(f"no package matches {query[:80]}", hint='run "debrepo package search"')
        return catalog.get(txn, newest)


def _version(entry: Entry) -> str:
    return entry.split(b"\0", 3)[2].decode()


def _check_size(size: int) -> None:
    if not 1 <= size <= _MOST:
        raise InvalidInput(f"size: {size} is not between 1 and {_MOST}")
