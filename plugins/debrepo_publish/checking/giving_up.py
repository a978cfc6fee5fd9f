"""Giving up: superseded files that are lost, put back where the pool has them, and named once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.storage import PoolLink
from debrepo_publish.checking.problems import Fault
from debrepo_publish.engine import displaced, ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.checking.problems import Problem
    from debrepo_publish.model.publication import Publication


class GivenUp(NamedTuple):
    """What became of superseded files that were lost."""

    repaired: list[str]
    left: list[str]  #: their clients have to read what is live; nothing is said of these again


def put_back_or_give_up(
    session: Session,
    storage: Storage,
    publication: Publication,
    problems: Iterable[Problem],
    *,
    dry_run: bool,
) -> GivenUp:
    """Put superseded package files back; delete the rest, and remove it from the ledger.

    Nothing makes a superseded index again: the clients that want it, within its grace, find that
    it is gone, and read the Release file anew.
    """
    place, found = publication.place, GivenUp([], [])
    for problem in problems:
        if problem.kind is not Fault.SUPERSEDED:
            continue
        with session.db.read() as txn:
            held = ledger.get(txn, place, problem.path)
        if held is None or held.references:
            continue
        path = publication.path(problem.path)
        in_pool = bool(held.sha256) and not session.pool.check(held.sha256)
        if in_pool:
            found.repaired.append(str(problem))
        else:
            found.left.append(f"{problem}; it is gone")
        if dry_run:
            continue
        storage.delete([path])
        version = ""
        if in_pool:
            pooled = session.pool.path(held.sha256)
            version = storage.link(PoolLink(path, pooled, held.size, held.sha256)) or ""
            storage.flush()
        with session.db.write() as txn:
            if in_pool:
                ledger.note(txn, place, {problem.path: version})
            else:
                ledger.remove(txn, place, [problem.path])
                displaced.remove(txn, place, [problem.path])
    return found
