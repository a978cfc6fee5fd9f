"""Recovering: package files that are lost, from where they are published."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from debrepo.errors import DebrepoError
from debrepo_publish.engine import ledger
from debrepo_publish.model.publication import split_place
from debrepo_publish.model.tables import GENERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction
    from debrepo.recovery import LostFiles
    from debrepo.session import Session


def recover(session: Session, lost: LostFiles) -> None:
    """Read lost files from the places where the ledger says that they are published."""
    with session.db.read() as txn:
        places = sorted({key.partition("\0")[0].rpartition(" ")[0] for key in txn[GENERATIONS]})
        known = {place: list(_paths(txn, place, lost.missing)) for place in places}
    for place, files in known.items():
        endpoint, prefix = split_place(place)
        lost.look(f"publications in {place}")
        wanted = [(sha256, path) for sha256, path in files if sha256 in lost.missing]
        if not wanted:
            continue
        try:
            with closing(session.storage(endpoint)) as storage:
                for sha256, path in wanted:
                    full = path if prefix == "." else f"{prefix}/{path}"
                    if sha256 in lost.missing:
                        lost.take(sha256, storage.pieces(full), f"{place}: {path}")
        except (DebrepoError, OSError) as error:
            lost.fail(f"publications in {place}: {error}")


def _paths(txn: Transaction, place: str, wanted: frozenset[str]) -> Iterator[tuple[str, str]]:
    for path, held in ledger.files(txn, place):
        if held.sha256 in wanted:
            yield held.sha256, path
