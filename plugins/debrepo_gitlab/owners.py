"""Owners: which project each repository belongs to, and whose lists of packages are out of date.

A list is brought up to date before it is read; what changes a repository only marks that, in its
own transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.database import bytes_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database import Transaction
    from debrepo.database.transaction import Change

#: The name of a repository to the number of its project.
OWNERS = bytes_table("gitlab.owners")
#: The number of a project to the serial of the transaction that changed its repositories.
OUTDATED = bytes_table("gitlab.outdated")


def follow(txn: Transaction, changes: Iterable[Change]) -> None:
    """Mark the lists of the projects whose repositories have changed."""
    for change in changes:
        kind, _, name = change.what.partition(":")
        if kind == "repo" and (project := of(txn, name)):
            mark(txn, project)


def of(txn: Transaction, repo: str) -> int:
    """Return the number of the project that a repository belongs to; 0: it is of none."""
    return int(txn[OWNERS].get(repo.encode(), b"0"))


def replace(txn: Transaction, project: int, before: Iterable[str], after: Iterable[str]) -> None:
    """Record the repositories that a project has instead of others."""
    gone, come = set(before) - set(after), set(after) - set(before)
    for name in gone:
        txn[OWNERS].discard(name.encode())
    for name in come:
        txn[OWNERS][name.encode()] = b"%d" % project
    if gone or come:
        mark(txn, project)


def mark(txn: Transaction, project: int) -> None:
    """Mark the list of a project as out of date."""
    txn[OUTDATED][b"%d" % project] = b"%d" % txn.serial


def mark_of(txn: Transaction, project: int) -> bytes | None:
    """Return the mark of a list that is out of date."""
    return txn[OUTDATED].get(b"%d" % project)


def settle(txn: Transaction, project: int, mark: bytes | None) -> None:
    """Remove a mark, unless the repositories have changed since it was read."""
    if mark_of(txn, project) == mark:
        txn[OUTDATED].discard(b"%d" % project)


def discard(txn: Transaction, project: int) -> None:
    """Remove the mark of a project that is dropped."""
    txn[OUTDATED].discard(b"%d" % project)


def outdated(txn: Transaction) -> set[int]:
    """Return the numbers of the projects whose lists are out of date."""
    return {int(key) for key in txn[OUTDATED]}
