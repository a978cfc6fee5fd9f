"""Records: when the last backup was made, and where to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from debrepo.database import json_table
from debrepo.health import Checkup, Concern

if TYPE_CHECKING:
    from debrepo.database import Transaction
    from debrepo.session import Session


class MadeBackup(NamedTuple):
    """A backup, or a copy of the database, that was whole when it was made."""

    at: int  #: seconds since the epoch
    target: str


#: The last one, under ``last``.
MADE = json_table(
    "backup.made", load=lambda row: MadeBackup(**row), dump=MadeBackup._asdict, record=MadeBackup
)
_LAST = "last"
_HINT = 'run "debrepo backup create TO"'


def record(session: Session, target: str) -> None:
    """Store that there is a backup as of now."""
    made = MadeBackup(int(time.time()), target)

    def store(txn: Transaction) -> None:
        txn[MADE][_LAST] = made

    session.db.update(store)


def checkup(session: Session) -> Checkup:
    """Return how old the last backup is; where a root is empty, none is needed yet."""
    oldest = session.config["database.backup_days"]
    with session.db.read() as txn:
        last = txn[MADE].get(_LAST)
        empty = not any(session.hook.debrepo_package_lists(txn=txn))
    if oldest <= 0 or (last is None and empty):
        return Checkup("backup", "none is needed")
    if last is None:
        return Checkup("backup", "none", (Concern("warning", "there was never one", _HINT),))
    days = (time.time() - last.at) / 86400
    if days <= oldest:
        return Checkup("backup", last.target)
    return Checkup("backup", last.target, (Concern("warning", f"is {days:.0f} days old", _HINT),))
