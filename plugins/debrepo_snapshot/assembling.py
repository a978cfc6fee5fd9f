"""Assembling: a snapshot from package keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset, selection
from debrepo.catalog import PACKAGES
from debrepo.errors import NotFound
from debrepo.package import PackageKey
from debrepo.packageset import EMPTY
from debrepo_snapshot import drafts, merging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.database import Transaction
    from debrepo.package import PackageList
    from debrepo_snapshot.drafts import Draft


def assemble(
    txn: Transaction,
    name: str,
    keys: Sequence[str],
    sources: Sequence[PackageList],
    description: str,
) -> Draft:
    """Draft the snapshot of the packages with these keys, made from ``sources``.

    Without keys, it contains the packages of the sources; on conflict, the last source wins.
    """
    store = drafts.staging(txn)
    if not keys and sources:
        set_id = merging.merge(store, [source.set_id for source in sources], "rightmost")
        said = ", ".join(f"'{source.name}'" for source in sources)
        return drafts.draft(
            name, set_id, store, sources, description or f"Merged from sources: {said}"
        )
    wanted = list(dict.fromkeys(PackageKey.parse(key).entry for key in keys))
    for entry in wanted:
        if entry not in txn[PACKAGES]:
            key = PackageKey.from_entry(entry)
            raise NotFound(
                f"no package has the key {key}", hint='run "debrepo package search --json"'
            )
    selection.check_joinable(txn, EMPTY, wanted, name)
    set_id = packageset.build(store, sorted(wanted))
    said = "Created as a list of packages" if wanted else "Created as empty"
    return drafts.draft(name, set_id, store, sources, description or said)
