"""Keeping package files where all nodes of a shared database find them, before any names them.

A file that is about to be deleted there is taken back first. One that is being deleted already is
waited for, and put again: see `moving` for the other side.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from debrepo.errors import Conflict
from debrepo.stopping import checkpoint
from debrepo.storage import PoolLink
from debrepo_pool import places
from debrepo_pool.tables import DELETING, MOVED, UNWANTED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from debrepo.database import TableView, Transaction
    from debrepo.session import Session
    from debrepo_pool.places import FilePlace

_BETWEEN = 0.2  # seconds between two looks at what another node deletes
_LONGEST = 60.0  # seconds to wait for that


def keep(session: Session, digests: frozenset[str]) -> Callable[[Transaction], None] | None:
    """Put files of the pool into ``pool.storage``; return what records that."""
    place = places.configured(session)
    if place is None or not digests:
        return None
    keys = sorted(map(bytes.fromhex, digests))
    with session.db.read() as txn:
        known = _there(txn[MOVED], keys)
        unwanted = _there(txn[UNWANTED], keys)
    _take_back(session, unwanted)
    new = sorted({*keys}.difference(known))
    _put(session, place, [key.hex() for key in new])

    def record(txn: Transaction) -> None:
        moved, unwanted = txn[MOVED], txn[UNWANTED]
        if len(_there(moved, known)) < len(known) or _there(unwanted, new):
            raise Conflict("another node deletes files that are being added", hint="add them again")
        moved.put_many((key, place.endpoint.encode()) for key in new)

    return record


def _put(session: Session, place: FilePlace, digests: Collection[str]) -> None:
    pool = session.pool
    if digests:
        with closing(place.open(session)) as storage:
            storage.link_all(
                PoolLink(place.path(one), pool.location(one), pool.size(one), one)
                for one in digests
            )
            storage.flush()


def _there(table: TableView[bytes, bytes], keys: Sequence[bytes]) -> list[bytes]:
    """Return those keys that a table has, in one question."""
    found = table.get_many(keys) if keys else ()
    return [key for key, value in zip(keys, found, strict=bool(keys)) if value is not None]


def _take_back(session: Session, found: Collection[bytes]) -> None:
    """Return once none of some files that are to be deleted from the storage is so any more."""

    def change(txn: Transaction) -> list[bytes]:
        unwanted = txn[UNWANTED]
        left = [key for key in found if (unwanted.get(key) or b"").startswith(DELETING)]
        for key in {*found}.difference(left):
            unwanted.discard(key)
        return left

    deadline = time.monotonic() + _LONGEST
    while found and (left := session.db.update(change)):
        if time.monotonic() > deadline:
            raise Conflict(
                f"{len(left)} files have been waiting to be deleted for a minute",
                hint='run "debrepo pool move"',
            )
        checkpoint()
        time.sleep(_BETWEEN)
