"""Expiring: delete superseded files whose grace is over, where no publish does it.

A look reads of each publication what is live and the oldest generation; the rest is work on what
is over.
"""

from __future__ import annotations

from logging import getLogger
from typing import TYPE_CHECKING

from debrepo.errors import DatabaseBusy, DebrepoError
from debrepo_publish.engine import places, recovery, superseded
from debrepo_publish.model.tables import GENERATIONS, PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from debrepo.background import Load
    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo.storage import Storage

_log = getLogger("debrepo.publish")


def delete_expired(session: Session) -> int:
    """Delete what is over its grace at all places, and return how many files that were.

    A place where somebody publishes is left to that publish.
    """
    count, failures = _delete(session, due(session))
    for place, error in failures.items():
        session.progress.note(f"Superseded files of {place} are not deleted: {error}")
    return count


def due(session: Session) -> dict[str, list[str]]:
    """Return the keys of publications of which something is over its grace, by place."""
    found: dict[str, list[str]] = {}
    if session.frozen:
        return found
    most = session.config["publish.index_generations"]
    with session.db.read() as txn:
        for key in _keys(txn):
            if superseded.is_over(txn, key, most):
                found.setdefault(key.rpartition(" ")[0], []).append(key)
    return found


def _keys(txn: Transaction) -> Iterator[str]:
    """Yield the key of each publication that has generations, and read no key of the others."""
    start = ""
    while (name := next(txn[GENERATIONS].range_keys(start), None)) is not None:
        key = name.partition("\0")[0]
        yield key
        start = f"{key}\1"


def _delete(session: Session, wanted: dict[str, list[str]]) -> tuple[int, dict[str, str]]:
    """Delete what is over its grace; return the number of files, and why places have failed."""
    count = 0
    failures: dict[str, str] = {}
    for place, keys in wanted.items():
        try:
            with places.opened(session, place, wait=0) as storage:
                count += sum(_delete_of(session, storage, place, key) for key in keys)
        except DatabaseBusy:
            continue
        except DebrepoError as error:
            failures[place] = str(error)
    return count, failures


def _delete_of(session: Session, storage: Storage, place: str, key: str) -> int:
    recovery.recover(session, storage, key)
    with session.db.read() as txn:
        publication = txn[PUBLICATIONS].get(key)
    if publication is None:
        return len(superseded.clean_up_dropped(session, storage, place, only=key))
    return len(superseded.clean_up(session, storage, publication, look=True))


def in_background(session: Session, load: Load) -> Callable[[], None]:
    """Return what an idle server calls: it deletes what is over, and logs once what it cannot."""
    said: dict[str, str] = {}

    def look() -> None:
        if not load.is_idle():
            return
        count, failures = _delete(session, due(session))
        if count:
            _log.info("deleted %d superseded files", count)
        for place, error in failures.items():
            if said.get(place) != error:
                _log.warning("superseded files of %s are not deleted: %s", place, error)
        said.clear()
        said.update(failures)

    return look
