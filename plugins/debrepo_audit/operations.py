"""Operations: list and verify the audit log."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput
from debrepo_audit import log

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_audit.log import Record


class VerifiedLog(NamedTuple):
    """The result of verifying the audit log."""

    records: int
    head: str  #: the hash of the last record; a copy kept elsewhere reveals a truncated log
    faults: tuple[str, ...]


_GREATEST = (1 << 63) - 1  # number of a record


def list_(
    session: Session,
    *,
    actor: str = "",
    operation: str = "",
    what: str = "",
    before: int = 0,
    limit: int = 0,
) -> list[Record]:
    """Return records, newest first, filtered by actor, operation or changed thing.

    ``what`` also finds operations that changed properties of a thing alone. ``before`` is the
    number of a record: only those before it are looked at.
    """
    if limit < 0:
        raise InvalidInput(f"not a number of records: {limit}", hint="use 0 for all")
    if not 0 <= before <= _GREATEST:
        raise InvalidInput(f"not the number of a record: {before}", hint="use 0 for all")
    with session.db.read() as txn:
        found = (
            record
            for record in log.newest_first(txn, before)
            if (not actor or record.actor == actor)
            and (not operation or record.operation == operation)
            and (not what or record.is_about(what))
        )
        return list(islice(found, limit or None))


def verify(session: Session) -> VerifiedLog:
    """Check that no record was changed, added or removed since it was written."""
    with session.db.read() as txn:
        last = txn[log.RECORDS].last()
        number, head = (last[0], last[1].hash) if last else (0, "")
        return VerifiedLog(number, head, tuple(log.faults(txn)))
