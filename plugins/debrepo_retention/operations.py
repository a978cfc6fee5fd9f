"""What can be done about the retention of packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import clock, lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import InvalidInput
from debrepo.package import PackageKey
from debrepo_retention import applying, policies
from debrepo_retention.tables import POLICIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.session import Session
    from debrepo_retention.tables import RetentionPolicy


class Pruned(NamedTuple):
    """The packages that left a repository, or would, and what stayed in spite of its version."""

    repo: str
    removed: tuple[PackageKey, ...]
    kept: int
    young: tuple[PackageKey, ...] = ()
    excepted: tuple[PackageKey, ...] = ()


class ShownRetention(NamedTuple):
    """The retention policy of a repository, as it was given."""

    repo: str
    keep: int
    per: str
    min_age: str
    queries: tuple[str, ...]
    excepts: tuple[str, ...]


def prune(
    session: Session,
    name: str,
    *,
    keep: int | None = None,
    per: str = "source",
    min_age: str = "",
    queries: Sequence[str] = (),
    excepts: Sequence[str] = (),
    dry_run: bool = False,
) -> Pruned:
    """Remove all but the newest versions from a repository; without ``keep``, by its own policy.

    What the own policy of the repository excepts stays in any case.
    """
    policy: RetentionPolicy | None = None
    if keep is not None:
        policy = policies.made(session, keep, per, min_age, queries, excepts)
    elif per != "source" or min_age or queries or excepts:
        raise InvalidInput(
            "nothing says how many versions to keep", hint="give a number of versions: --keep 3"
        )
    made = applying.prune(session, name, policy, dry_run=dry_run)
    with session.db.read() as txn:
        there = packageset.count(txn[CHUNKS], made.target.set_id)
    return Pruned(
        name,
        tuple(map(PackageKey.from_entry, made.removed)),
        there - len(made.removed),
        tuple(map(PackageKey.from_entry, made.young)),
        tuple(map(PackageKey.from_entry, made.excepted)),
    )


def set_(
    session: Session,
    name: str,
    *,
    keep: int,
    per: str = "source",
    min_age: str = "",
    queries: Sequence[str] = (),
    excepts: Sequence[str] = (),
) -> ShownRetention:
    """Set the retention policy of a repository, which it is held to whenever packages join it."""
    policy = policies.made(session, keep, per, min_age, queries, excepts)
    with session.db.write() as txn:
        lists.get(session.hook, txn, "repo", name)
        txn[POLICIES][name] = policy
    return _shown(name, policy)


def list_(session: Session) -> list[ShownRetention]:
    """Return the retention policies, by the names of their repositories."""
    with session.db.read() as txn:
        return [_shown(name, policy) for name, policy in txn[POLICIES].items()]


def show(session: Session, name: str) -> ShownRetention:
    """Return the retention policy of a repository."""
    with session.db.read() as txn:
        lists.get(session.hook, txn, "repo", name)
        return _shown(name, policies.get(txn, name))


def drop(session: Session, name: str) -> None:
    """Remove the retention policy of a repository; its packages stay."""
    with session.db.write() as txn:
        lists.get(session.hook, txn, "repo", name)
        policies.get(txn, name)
        policies.drop(txn, name)


def _shown(name: str, policy: RetentionPolicy) -> ShownRetention:
    return ShownRetention(
        name, policy.keep, policy.per, clock.spelled(policy.min_age), policy.queries, policy.excepts
    )
