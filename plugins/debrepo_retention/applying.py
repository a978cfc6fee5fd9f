"""Applying: plans are carried out, and policies held to when packages have joined."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from debrepo import lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import Conflict, NotFound, PluginError
from debrepo.stopping import checkpoint
from debrepo_retention import plans, policies
from debrepo_retention.tables import DUE, POLICIES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from debrepo.background import Load
    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageList
    from debrepo.session import Session
    from debrepo_retention.plans import PrunePlan
    from debrepo_retention.tables import RetentionPolicy

_ATTEMPTS = 10  # at a plan that others' changes of the same packages outdate
_MOST = 64  # packages; where more have joined, all are looked at
_AGAIN = 3600.0  # seconds between two looks of a server at all repositories with a policy


def prune(
    session: Session,
    repo: str,
    policy: RetentionPolicy | None = None,
    *,
    sources: frozenset[bytes] | None = None,
    dry_run: bool = False,
) -> PrunePlan:
    """Remove from a repository what a policy says, by default its own, and return the plan.

    What the plan removes is removed in one transaction, or nothing is: where somebody has changed
    these packages meanwhile, there is a new plan.
    """
    for _ in range(_ATTEMPTS):
        checkpoint()
        with session.db.read() as txn:
            target = lists.get(session.hook, txn, "repo", repo)
            due = txn[DUE].get(repo)
            wanted = _wanted(txn, repo, policy)
            made = plans.plan(session.config, txn, target, wanted, time.time(), sources)
        own = wanted if policy is None else None
        if dry_run or not (made.removed or (own and due)):
            return made
        if session.db.update(partial(_carry_out, session, made, own, due)):
            return made
    raise Conflict(f"the packages of {repo} change all the time", hint="try again")


def _wanted(txn: Transaction, repo: str, policy: RetentionPolicy | None) -> RetentionPolicy:
    """Return the policy to hold a repository to: what its own excepts stays in any case."""
    if policy is None:
        return policies.get(txn, repo)
    own = policies.find(txn, repo)
    return policy._replace(excepts=(*policy.excepts, *own.excepts)) if own else policy


def _carry_out(
    session: Session,
    made: PrunePlan,
    policy: RetentionPolicy | None,
    due: int | None,
    txn: Transaction,
) -> bool:
    """Do what a plan says, which may be for the ``policy`` of the repository.

    Return whether it was still right.
    """
    name = made.target.name
    now = lists.get(session.hook, txn, "repo", name)
    own = policies.find(txn, name)
    if policy is not None and own != policy:
        return False
    if own is not None and not set(own.excepts) <= set(made.policy.excepts):
        return False
    if now.set_id != made.target.set_id:
        removed, added = packageset.diff(txn[CHUNKS], made.target.set_id, now.set_id)
        if not made.touched.isdisjoint(plans.touched_by(txn, [*removed, *added])):
            return False
    if policy is not None and due is not None and txn[DUE].get(name) == due:
        del txn[DUE][name]
    if made.removed:
        packages = {name: made.removed}
        hook = session.hook.debrepo_remove_packages
        if hook(session=session, txn=txn, kind="repo", packages=packages) is None:
            raise PluginError("no plugin keeps repositories", hint="enable the plugin local")
    return True


def after_change(session: Session, target: PackageList, added: Collection[Entry]) -> None:
    """Hold a repository to its policy, as far as packages that have just joined it concern it."""
    with session.db.read() as txn:
        mark = txn[DUE].get(target.name)
        if mark is None:  # somebody has looked at all packages meanwhile
            return
        few = mark > 0 and len(added) < _MOST
        sources = plans.sources_of(txn, added) if few else None
    with suppress(NotFound):  # it has lost its policy meanwhile, or is gone
        _say(session, target.name, prune(session, target.name, sources=sources).removed)


def hold(session: Session, repos: Iterable[str]) -> None:
    """Hold repositories to their policies, as the operation that the audit log records."""
    for repo in repos:
        with suppress(NotFound):
            _say(session, repo, session.call("repo.prune", name=repo).removed)


def _say(session: Session, repo: str, removed: Collection[object]) -> None:
    if removed:
        packages = "1 package" if len(removed) == 1 else f"{len(removed):,} packages"
        session.progress.note(f"{repo}: {packages} pruned by its retention policy.")


def hold_due(session: Session) -> None:
    """Hold repositories to their policies that a process has been killed before it did."""
    with session.whole.db.read() as txn:
        names = list(txn[DUE])
    hold(session, names)


def in_background(session: Session, _: Load) -> Callable[[], None]:
    """Return what a server does again and again: packages come of age though none joins."""
    acting = session.whole.acting(actor="retention")
    last = -_AGAIN

    def once() -> None:
        nonlocal last
        if time.monotonic() - last < _AGAIN:
            hold_due(acting)
            return
        last = time.monotonic()
        with acting.db.read() as txn:
            names = list(txn[POLICIES])
        hold(acting, names)

    return once
