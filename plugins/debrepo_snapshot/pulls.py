"""Pulls: packages of one list that join what another one has, as a new snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import lists, packageset, selection
from debrepo.lists import Dependencies
from debrepo.package import PackageKey
from debrepo.selection import Selection
from debrepo_snapshot.drafts import Draft, draft, staging

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from debrepo.database import Transaction
    from debrepo.package import Entry, SetId
    from debrepo.packageset import Store
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
    given = dependencies or Dependencies()
    rules = selection.following(session.config, txn, (old.set_id, offered.set_id), given)
    wanted = {*rules.architectures, "all"} | ({"source"} & set(given.architectures))
    chosen: Iterable[Entry] = (
        entry
        for entry in selection.members(txn, offered.set_id, selection.parse(queries))
        if entry.split(b"\0", 2)[1].decode() in wanted
    )
    found = Selection(tuple(chosen if all_matches else selection.newest(chosen)))
    if dependencies is not None:
        found = selection.with_dependencies(
            txn, found.chosen, rules, there=[old.set_id], offered=[offered.set_id]
        )
    store = staging(txn)
    gone = _replaced(store, old.set_id, found.entries, remove=remove)
    set_id = packageset.update(store, old.set_id, add=found.entries, remove=gone)
    said = description or (
        f"Pulled into '{old.name}' with '{offered.name}' as source, "
        f"pull request was: '{' '.join(queries)}'"
    )
    drafted = draft(name, set_id, store, (old, offered), said)
    new = {e for e in found.entries if not packageset.contains(store, old.set_id, e)}
    made = drafted.made._replace(
        snapshot=drafted.made.snapshot._replace(
            component=old.component, distribution=old.distribution
        ),
        added=tuple(one for one in found.found() if one.key.entry in new),
        removed=tuple(PackageKey.from_entry(entry) for entry in sorted(gone)),
        missing=found.missing(),
    )
    return drafted._replace(made=made)


def _replaced(store: Store, set_id: SetId, added: Sequence[Entry], *, remove: bool) -> set[Entry]:
    """Return what leaves for the sake of what is added: other builds, and other versions."""
    gone = set(packageset.conflicts(store, set_id, added).values())
    if remove:
        for group in {packageset.group(entry) for entry in added}:
            gone.update(packageset.find(store, set_id, group))
    return gone.difference(added)
