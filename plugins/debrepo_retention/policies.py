"""Retention policies: what a repository keeps, and what waits to be held to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import clock
from debrepo.errors import InvalidInput, NotFound
from debrepo_retention.tables import DUE, POLICIES, RetentionPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.database import Transaction
    from debrepo.session import Session

#: What versions are counted of.
PER = ("source", "binary")


def made(
    session: Session,
    keep: int,
    per: str = "source",
    min_age: str = "",
    queries: Sequence[str] = (),
    excepts: Sequence[str] = (),
) -> RetentionPolicy:
    """Return a policy; raise `InvalidInput` for one that cannot be meant."""
    from debrepo import selection

    if keep < 1:
        raise InvalidInput(f"cannot keep {keep} versions", hint="keep 1 or more")
    if per not in PER:
        raise InvalidInput(f"no versions per {per[:80]!r}", hint=f"use one of: {', '.join(PER)}")
    age, remembered = clock.span(min_age), session.config["retention.remember"] * 86400
    if age > remembered:
        most = clock.spelled(remembered) or "nothing"
        raise InvalidInput(
            f"the minimum age {min_age} is more than what is remembered, {most}",
            hint="the setting retention.remember sets the limit",
        )
    for given in (queries, excepts):
        selection.parse(session.config, given)
    return RetentionPolicy(keep, per, age, tuple(queries), tuple(excepts))


def find(txn: Transaction, repo: str) -> RetentionPolicy | None:
    """Return the policy of a repository, if it has one."""
    return txn[POLICIES].get(repo)


def get(txn: Transaction, repo: str) -> RetentionPolicy:
    """Return the policy of a repository; raise `NotFound` if it has none."""
    found = find(txn, repo)
    if found is None:
        raise NotFound(
            f"the repository {repo} has no retention policy",
            hint=f'run "debrepo repo retention set {repo} --keep 3"',
        )
    return found


def drop(txn: Transaction, repo: str) -> None:
    """Remove the policy of a repository, if it has one."""
    txn[POLICIES].discard(repo)
    txn[DUE].discard(repo)


def rename(txn: Transaction, old: str, new: str) -> None:
    """Store the policy of a repository under its new name."""
    policy, due = find(txn, old), txn[DUE].get(old)
    drop(txn, old)
    if policy is not None:
        txn[POLICIES][new] = policy
    if due is not None:
        txn[DUE][new] = due
