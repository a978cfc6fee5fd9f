"""Displaced packages: those whose usual path at a place holds other bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.package import Entry
from debrepo_publish.engine import ledger
from debrepo_publish.model.tables import DISPLACED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.database import Transaction
    from debrepo_publish.model.publication import Generation

#: Shelf and package: what has a directory of its own.
Displaced = frozenset[tuple[str, Entry]]


def _row(place: str, shelf: str, entry: bytes) -> tuple[bytes, bytes]:
    """Return the key of a displaced package, and its row, which is empty if the key says all."""
    name = shelf.encode() + b"\0" + entry
    key = ledger.fitting(name)
    return ledger.place_key(place) + key, b"" if key is name else name


def known(txn: Transaction, place: str) -> Displaced:
    """Return the displaced packages of a place; there are few, if any."""
    start = ledger.place_key(place)
    rows = txn[DISPLACED].prefix(start)
    found = ((row or key[len(start) :]).partition(b"\0") for key, row in rows)
    return frozenset((shelf.decode(), Entry(entry)) for shelf, _, entry in found)


def within(txn: Transaction, generation: Generation, displaced: Displaced) -> Displaced:
    """Return those that a generation publishes."""
    if not displaced:
        return displaced
    sets = {generation.shelf(name): part.set_id for name, part in generation.parts.items()}
    return frozenset(
        (shelf, entry)
        for shelf, entry in displaced
        if shelf in sets and packageset.contains(txn[CHUNKS], sets[shelf], entry)
    )


def remember(txn: Transaction, place: str, displaced: Displaced) -> None:
    """Store which packages have a directory of their own at a place."""
    for shelf, entry in displaced:
        key, row = _row(place, shelf, entry)
        txn[DISPLACED][key] = row


def remove(txn: Transaction, place: str, paths: Iterable[str]) -> None:
    """Remove the packages whose files are deleted: the next time they get their usual path."""
    displaced = known(txn, place)
    if not displaced:
        return
    directories = {path.rpartition("/")[0] for path in paths}
    for shelf, entry in displaced:
        end = "/" + entry.rpartition(b"\0")[2].decode()  # see `layout.elsewhere`
        start = f"pool/{shelf}/"
        if any(name.endswith(end) and name.startswith(start) for name in directories):
            del txn[DISPLACED][_row(place, shelf, entry)[0]]
