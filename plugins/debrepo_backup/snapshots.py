"""Snapshots: the database as it was at one moment, and the package files that it names."""

from __future__ import annotations

import shutil
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from debrepo import remote_files
from debrepo.catalog import PACKAGES
from debrepo.package import digests
from debrepo.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from debrepo.pool import Pool

_ATTEMPTS = 5  # with cleanups that are faster


class DatabaseSnapshot(NamedTuple):
    """A copy of the database, whose files in the pool stay there until the backup is made."""

    database: Path
    files: tuple[str, ...]  #: SHA256 of those in the pool, in order
    elsewhere: int  #: files that plugins fetch, and that are not in the pool
    lost: tuple[str, ...]  #: that nobody has


@contextmanager
def taken(session: Session, pool: Pool) -> Iterator[DatabaseSnapshot]:
    """Copy the database, and reserve the files that it names; the copy goes with the block.

    The caller holds the lease on backups; ``pool`` is one that is reserving. A cleanup may have
    deleted a file after the copy was made and before it was reserved: then no later copy names it.
    What two copies in a row name, and the pool lacks, is lost.
    """
    place = session.root / "cache" / "backup"
    shutil.rmtree(place, ignore_errors=True)  # of a backup that was killed
    try:
        before: set[str] = set()
        for attempt in range(_ATTEMPTS):
            shutil.rmtree(place, ignore_errors=True)
            session.db.backup(place / "db")
            named, remote = _named(session, place)
            pool.reserve_ahead(named)
            lacking = set(pool.lacking(named))
            lost = lacking - remote
            if lost <= before or attempt == _ATTEMPTS - 1:
                break
            before = lost
        there = tuple(sorted(named - lacking))
        yield DatabaseSnapshot(place / "db", there, len(lacking & remote), tuple(sorted(lost)))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _named(session: Session, place: Path) -> tuple[set[str], frozenset[str]]:
    """Return the files that a copy of the database names, and those that plugins can fetch."""
    with (
        closing(Session(place, session.plugins, read_only=True, copied=True)) as copy,
        copy.db.read() as txn,
    ):
        named = {digest for record in txn[PACKAGES].values() for digest in digests(record)}
        named.update(*copy.hook.debrepo_live_files(txn=txn))
        return named, remote_files.known(copy.hook, txn)
