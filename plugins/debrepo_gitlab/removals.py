"""Removals: packages that leave all distributions of their project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import PluginError
from debrepo_gitlab import distributions, documents, listings, packages
from debrepo_gitlab.distributions import DISTRIBUTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.packages import Member


def remove(
    session: Session, project: Container, package: int, file: int | None = None
) -> dict[str, int]:
    """Remove a package, or the part that a file belongs to, in one transaction.

    Return the codenames that have to be published, and what `distributions.mark` said of each.
    """
    listings.refresh(session, project)
    with session.db.read() as txn:
        row = listings.get(txn, project.id, package)
        source = listings.load(txn, row, listings.repositories(txn, project))
        holding = {one.repo for one in source.members}
        touched = [d for d in distributions.list_(txn, project) if holding & set(d.repos)]

    def change(txn: Transaction) -> dict[str, int]:
        if file is not None and documents.remove(txn, project, source.id, file):
            return {}
        gone = packages.members_of(source, file)
        _take_out(session, txn, gone)
        if len(gone) == len(source.members):
            documents.remove(txn, project, source.id)
        there = [found.key for found in touched if found.key in txn[DISTRIBUTIONS]]
        return {key.partition("\0")[2]: distributions.mark(txn, key) for key in there}

    return session.db.update(change)


def _take_out(session: Session, txn: Transaction, gone: Iterable[Member]) -> None:
    entries: dict[str, set[Entry]] = {}
    for one in gone:
        entries.setdefault(one.repo, set()).add(one.package.key.entry)
    removed = session.hook.debrepo_remove_packages(
        session=session, txn=txn, kind="repo", packages=entries
    )
    if removed is None:
        raise PluginError("no plugin keeps repositories", hint="enable the plugin local")
