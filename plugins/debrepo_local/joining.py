"""Joining: the one way in which packages get into a repository, and out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.acceptance import checking
from debrepo.arrival import Arrival
from debrepo.catalog import CHUNKS, get
from debrepo_local import repos

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.session import Session
    from debrepo_local.repos import LocalRepo


def join(
    session: Session, txn: Transaction, repo: LocalRepo, entries: list[Entry], source: str
) -> LocalRepo:
    """Let packages of the list ``source`` join a repository; those that are there stay.

    Raise `AlreadyExists` where one is there with other bytes.
    """
    added = fresh(txn, repo, entries)
    accept_known(session, txn, repo, added, source)
    return change(session, txn, repo, added=added)


def fresh(txn: Transaction, repo: LocalRepo, entries: list[Entry]) -> list[Entry]:
    """Return the packages that are not in a repository yet, each once, if they may join it."""
    from debrepo import selection  # and with it all of queries, which adding files does without

    selection.check_joinable(txn, repo.set_id, entries, repo.name)
    there = packageset.conflicts(txn[CHUNKS], repo.set_id, entries)
    return [entry for entry in dict.fromkeys(entries) if entry not in there]


def accept_known(
    session: Session, txn: Transaction, repo: LocalRepo, entries: Iterable[Entry], source: str
) -> None:
    """Let the other plugins look at packages that debrepo knows, and keep them out."""
    check = checking(session, txn, repo.package_list())
    if check is not None:
        arrival = Arrival(source)
        for entry in entries:
            check(get(txn, entry), arrival)


def change(
    session: Session,
    txn: Transaction,
    repo: LocalRepo,
    *,
    added: Collection[Entry] = (),
    removed: Iterable[Entry] = (),
) -> LocalRepo:
    """Store what becomes of a repository, and tell the other plugins once it is durable."""
    gone = list(removed)
    after = packageset.update(txn[CHUNKS], repo.set_id, add=added, remove=gone)
    if after == repo.set_id:
        return repo
    changed = repo._replace(set_id=after)
    repos.put(txn, changed)
    if gone:
        from debrepo_local import documents  # which adding packages does without

        documents.release(txn, repo.name, after, gone)
    target = changed.package_list()
    repos.changing(session, txn, target, repo.set_id, added, gone)
    txn.after_commit(lambda: repos.changed(session, target, repo.set_id, added, gone))
    return changed
