"""Pulls: a new snapshot of one list, with packages of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import lists, packageset, selection
from debrepo.dependencies import Dependencies
from debrepo.package import PackageKey
from debrepo.selection import Selection
from debrepo_snapshot.drafts import Draft, draft, staging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.packageset import Lookup
    from debrepo.session import Session


def pull(
    session: Session,
    txn: Transaction,
    base: tuple[str, str],
    source: tuple[str, str],
    name: str,
    queries: Sequence[str],
    *,
    dependencies: Dependencies | None,
    architectures: Sequence[str],
    remove: bool,
    all_matches: bool,
    description: str,
) -> Draft:
    """Draft the snapshot ``name``: what ``base`` has, and what the queries find in ``source``.

    Both are kind and name of a list. Of a package that comes, other versions go, unless
    ``remove`` is false.
    """
    old = lists.get(session.hook, txn, *base)
    offered = lists.get(session.hook, txn, *source)
    given = dependencies or Dependencies(tuple(architectures))
    rules = selection.following(session.config, txn, (old.set_id, offered.set_id), given)
    wanted = {*rules.architectures, "all"} | ({"source"} & set(given.architectures))
    only = selection.considered(architectures) or frozenset(wanted)
    asked = selection.parse(session.config, queries)
    chosen = selection.members(txn, offered.set_id, asked, only)
    found = Selection(tuple(chosen if all_matches else selection.newest(chosen)))
    if dependencies is not None:
        found = selection.with_dependencies(
            txn, found.chosen, rules, there=[old.set_id], offered=[offered.set_id]
        )
    store = staging(txn)
    there = packageset.Lookup(store, old.set_id)
    gone = _replaced(there, found.entries, remove=remove)
    set_id = packageset.update(store, old.set_id, add=found.entries, remove=gone)
    said = description or (
        f"Pulled into '{old.name}' with '{offered.name}' as source, "
        f"pull request was: '{' '.join(queries)}'"
    )
    drafted = draft(name, set_id, store, (old, offered), said)
    new = {entry for entry in found.entries if entry not in there}
    made = drafted.made._replace(
        snapshot=drafted.made.snapshot._replace(
            component=old.component, distribution=old.distribution
        ),
        added=tuple(one for one in found.found() if one.key.entry in new),
        removed=tuple(PackageKey.from_entry(entry) for entry in sorted(gone)),
        missing=found.missing(),
    )
    return drafted._replace(made=made)


def _replaced(there: Lookup, added: Sequence[Entry], *, remove: bool) -> set[Entry]:
    """Return what has to leave when these are added: other builds, and other versions."""
    alike = packageset.group if remove else packageset.short
    coming = {alike(entry) for entry in added}
    names = {entry.partition(b"\0")[0] for entry in added}
    found = {e for name in names for e in there.named(name) if alike(e) in coming}
    return found.difference(added)
