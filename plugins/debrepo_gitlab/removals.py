"""Removals: packages that leave all distributions of their project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo_gitlab import distributions, documents, listings, packages
from debrepo_gitlab.distributions import DISTRIBUTIONS

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container


def remove(
    session: Session, project: Container, package: int, file: int | None = None
) -> dict[str, int]:
    """Remove a package, or the part that a file belongs to.

    Return the codenames that have to be published, and what `distributions.mark` said of each.
    """
    listings.refresh(session, project)
    with session.db.read() as txn:
        row = listings.get(txn, project, package)
        source = listings.load(txn, row, listings.repositories(txn, project))
        holding = {one.repo for one in source.members}
        touched = [d for d in distributions.list_(txn, project) if holding & set(d.repos)]
    if file is not None:
        with session.db.write() as txn:
            if documents.remove(txn, project, source.id, file):
                return {}
    gone = packages.members_of(source, file)
    for repo in sorted({one.repo for one in gone}):
        keys = [str(one.package.key) for one in gone if one.repo == repo]
        session.call("repo.remove-keys", name=repo, keys=keys)
    with session.db.write() as txn:
        if len(gone) == len(source.members):
            documents.remove(txn, project, source.id)
        marks = {
            d.codename: distributions.mark(txn, d.key)
            for d in touched
            if d.key in txn[DISTRIBUTIONS]
        }
    listings.refresh(session, project)
    return marks
