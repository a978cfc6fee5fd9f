"""Changes: what differs for clients between two generations, at the cost of what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.package import PackageKey
from debrepo.packageset import EMPTY, Lookup
from debrepo.values import NamedTuple
from debrepo.version import sort_key
from debrepo_publish.engine.layout import CARRIED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.package import Entry, SetId
    from debrepo_publish.model.publication import Generation, Part

Change = Literal["added", "removed", "upgraded", "downgraded", "rebuilt"]


class PackageChange(NamedTuple):
    """What a client sees of a package: the newest version before and after."""

    change: Change
    component: str
    architecture: str
    name: str
    before: str
    after: str


def counts(txn: Transaction, old: Generation | None, new: Generation) -> dict[str, int]:
    """Return how many packages clients see added, removed, upgraded and so on."""
    if old is None or old.adopted:
        return {"added": new.size} if new.size else {}
    found: dict[str, int] = {}
    for one in between(txn, old, new):
        found[one.change] = found.get(one.change, 0) + 1
    return dict(sorted(found.items()))


def between(txn: Transaction, old: Generation, new: Generation) -> Iterator[PackageChange]:
    """Yield what clients of ``old`` see when they get ``new``, by component and name."""
    for component in sorted({*old.parts, *new.parts}):
        yield from _of_component(txn, component, old, new)


def _of_component(
    txn: Transaction, component: str, old: Generation, new: Generation
) -> Iterator[PackageChange]:
    before, after = _set(old.parts.get(component)), _set(new.parts.get(component))
    removed, added = packageset.diff(txn[CHUNKS], before, after)
    touched = {_who(entry) for entries in (removed, added) for entry in entries}
    other = set(old.served) ^ set(new.served) if old.served and new.served else set()
    if other and component in old.parts and component in new.parts:
        touched |= {
            who
            for entry in packageset.entries(txn[CHUNKS], after)
            if (who := _who(entry))[1].decode() in other
        }
    sides = (
        (Lookup(txn[CHUNKS], before), old.served),
        (Lookup(txn[CHUNKS], after), new.served),
    )
    for name, architecture in sorted(touched):
        was, now = (
            [e for e in _named(lookup, name, architecture) if _is_served(served, architecture)]
            for lookup, served in sides
        )
        if not _is_carried(txn, was or now):
            yield from _compared(component, architecture.decode(), name.decode(), was, now)


def _set(part: Part | None) -> SetId:
    return part.set_id if part else EMPTY


def _who(entry: Entry) -> tuple[bytes, bytes]:
    """Return name and architecture of a package."""
    name, architecture, _ = entry.split(b"\0", 2)
    return name, architecture


def _named(lookup: Lookup, name: bytes, architecture: bytes) -> list[Entry]:
    return [entry for entry in lookup.named(name) if _who(entry)[1] == architecture]


def _is_served(served: Iterable[str], architecture: bytes) -> bool:
    return not served or architecture.decode() in served


def _is_carried(txn: Transaction, entries: list[Entry]) -> bool:
    """Return whether it is published beside the indexes, and no package of dpkg's."""
    if not entries or _who(entries[0])[0].decode() not in CARRIED:
        return False
    return catalog.get(txn, entries[0]).kind in CARRIED


def _compared(
    component: str, architecture: str, name: str, was: list[Entry], now: list[Entry]
) -> Iterator[PackageChange]:
    """Yield what the newest of these entries say, if anything."""
    old, new = (_newest(entries) for entries in (was, now))
    said = component, architecture, name, old[0], new[0]
    if not (was and now):
        if was or now:
            yield PackageChange("removed" if was else "added", *said)
    elif sort_key(old[0]) != sort_key(new[0]):
        upgraded = sort_key(old[0]) < sort_key(new[0])
        yield PackageChange("upgraded" if upgraded else "downgraded", *said)
    elif old[1] != new[1]:
        yield PackageChange("rebuilt", *said)


def _newest(entries: list[Entry]) -> tuple[str, str]:
    """Return the newest version, and the hash that it has; nothing of no entries."""
    keys = map(PackageKey.from_entry, entries)
    found = max(keys, key=lambda key: sort_key(key.version), default=None)
    return (found.version, found.hash) if found else ("", "")
