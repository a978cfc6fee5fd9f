"""What can be asked about packages, wherever they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, packageset, query
from debrepo.catalog import CHUNKS
from debrepo.package import Entry, Package, PackageKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.query import Query
    from debrepo.session import Session


class Shown(NamedTuple):
    """A package, and, if asked for, where its files are and which lists hold it."""

    package: Package
    files: tuple[Path, ...] = ()
    references: tuple[str, ...] = ()  #: ``kind:name`` of package lists


def search(session: Session, text: str | None = None) -> list[PackageKey]:
    """Return the keys of the packages that a query matches; of all without one."""
    with session.db.read() as txn:
        return [PackageKey.from_entry(entry) for entry in _select(txn, text)]


def show(
    session: Session, text: str, *, with_files: bool = False, with_references: bool = False
) -> list[Shown]:
    """Return the packages that a query matches."""
    with session.db.read() as txn:
        lists = []
        if with_references:
            batches = session.hook.debrepo_package_lists(txn=txn)
            lists = sorted(found for batch in batches for found in batch)
        shown = []
        for entry in _select(txn, text):
            package = catalog.get(txn, entry)
            files = tuple(session.pool.path(f.sha256) for f in package.files) if with_files else ()
            holders = tuple(
                str(found)
                for found in lists
                if packageset.contains(txn[CHUNKS], found.set_id, entry)
            )
            shown.append(Shown(package, files, holders))
    return shown


def _select(txn: Transaction, text: str | None) -> Iterator[Entry]:
    if text is None:
        return catalog.find(txn)
    wanted = query.parse(text)
    return query.select(wanted, _candidates(txn, wanted), lambda entry: catalog.get(txn, entry))


def _candidates(txn: Transaction, wanted: Query) -> Iterable[Entry]:
    """Yield the packages worth asking about: those of the names that can match, or all."""
    names = wanted.names()
    if names is None:
        return catalog.find(txn)
    return (entry for name in sorted(names) for entry in catalog.find(txn, name))
