"""Holding: the lists that packages are on, and the publications that serve them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.catalog import CHUNKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pluggy import HookRelay

    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageList, SetId


def holders(
    hook: HookRelay, txn: Transaction, entries: Iterable[Entry]
) -> dict[Entry, tuple[str, ...]]:
    """Return the lists that have each package, and the publications that serve it, in order.

    Both are ``kind:name``. Lists with the same packages are looked at once.
    """
    batches = [*hook.debrepo_package_lists(txn=txn), *hook.debrepo_served_lists(txn=txn)]
    by_set: dict[SetId, list[PackageList]] = {}
    for batch in batches:
        for found in batch:
            by_set.setdefault(found.set_id, []).append(found)
    names: dict[bytes, set[Entry]] = {}
    for entry in entries:
        names.setdefault(entry[: entry.index(b"\0") + 1], set()).add(entry)
    held: dict[Entry, list[PackageList]] = {e: [] for wanted in names.values() for e in wanted}
    for set_id, lists in by_set.items():
        for prefix, wanted in names.items():
            for entry in wanted.intersection(packageset.find(txn[CHUNKS], set_id, prefix)):
                held[entry] += lists
    return {
        entry: tuple(dict.fromkeys(str(one) for one in sorted(lists)))
        for entry, lists in held.items()
    }
