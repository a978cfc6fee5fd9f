"""History: a row for each publish, which stays when packages and files of it are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.values import NamedTuple
from debrepo_publish.model import publications
from debrepo_publish.model.publication import HistoryRow, generation_key
from debrepo_publish.model.tables import GENERATIONS, HISTORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction


class Past(NamedTuple):
    """A row of the history, and what there is of its generation: live, kept or gone."""

    row: HistoryRow
    state: str


def begin(txn: Transaction, key: str, row: HistoryRow) -> None:
    """Store the row of a pending generation; it counts once it is committed."""
    txn[HISTORY][generation_key(key, row.number)] = row


def commit(txn: Transaction, key: str, number: int, now: int, most: int) -> None:
    """Note that clients see a generation, and remove rows beyond the last ``most``."""
    row = txn[HISTORY].get(generation_key(key, number))
    if row is not None:  # otherwise an earlier release of debrepo has begun it
        txn[HISTORY][generation_key(key, number)] = row._replace(committed=now)
    old = txn[HISTORY].range_keys(f"{key}\0", generation_key(key, max(number - most + 1, 0)))
    for name in list(old):
        del txn[HISTORY][name]


def undo(txn: Transaction, key: str, number: int) -> None:
    """Remove the row of a generation that was never live."""
    txn[HISTORY].pop(generation_key(key, number), None)


def remove(txn: Transaction, key: str) -> None:
    """Remove the history of a publication that is dropped: its numbers begin anew."""
    for name, _ in list(txn[HISTORY].range(f"{key}\0", f"{key}\1")):
        del txn[HISTORY][name]


def newest_first(txn: Transaction, key: str) -> Iterator[Past]:
    """Yield what is known of all that clients have seen of a publication."""
    publication = publications.get(txn, key)
    kept = set(txn[GENERATIONS].range_keys(f"{key}\0", f"{key}\1"))
    rows = dict(txn[HISTORY].range(f"{key}\0", f"{key}\1"))
    for name in sorted(kept | rows.keys(), reverse=True):
        row = rows.get(name) or _old(txn, name)
        if row is not None and row.committed:
            live = row.number == publication.live
            yield Past(row, "live" if live else "kept" if name in kept else "gone")


def _old(txn: Transaction, name: str) -> HistoryRow | None:
    """Return what a generation says of itself that was published before there was a history."""
    found = txn[GENERATIONS][name]
    if found.state not in ("live", "past"):
        return None
    return HistoryRow(
        number=found.number,
        created=found.created,
        who=found.who,
        why=found.why,
        base=found.base,
        packages=found.size,
        changes={},
        size=0,
        keys=(),
        committed=found.committed or 1,
    )
