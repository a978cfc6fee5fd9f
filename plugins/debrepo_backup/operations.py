"""What can be done with backups."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from debrepo.session import Session
    from debrepo_backup.checking import CheckedBackup
    from debrepo_backup.making import BackupResult
    from debrepo_backup.pruning import PrunedBackups
    from debrepo_backup.restoring import RestoreResult


class ListedBackup(NamedTuple):
    """A backup as a list has it."""

    id: str
    created: int  #: seconds since the epoch
    host: str
    root: str
    debrepo: str  #: the release that made it
    entries: int
    pool: str  #: ``copy``, ``reference`` or ``none``
    files: int
    bytes: int
    elsewhere: int
    lacking: int  #: files that the database names, and the backup is without
    keys: bool


def create(
    session: Session,
    to: str,
    *,
    pool: str = "copy",
    keep: int | None = None,
    recipient: bytes | None = None,
) -> BackupResult:
    """Back up the database, the pool and the configuration, while all of it is in use.

    ``recipient`` is a public key, for which the secret keys are encrypted; without it they are not
    part of the backup.
    """
    from debrepo_backup import making

    return making.make(session, to, how=pool, keep=keep, recipient=recipient)


def list_(session: Session, target: str) -> list[ListedBackup]:
    """Return the backups in a target, newest first; those with a damaged manifest are left out."""
    from debrepo.errors import VerificationFailed
    from debrepo_backup import manifests, targets

    found = []
    with targets.opened(session, target) as there:
        for number in manifests.ids(there):
            try:
                one = manifests.read(there, number).manifest
            except VerificationFailed as error:
                session.progress.note(f"Warning: {error}.")
                continue
            found.append(
                ListedBackup(
                    number,
                    one.created,
                    one.host,
                    one.root,
                    one.debrepo,
                    one.entries,
                    one.how,
                    one.files,
                    one.bytes,
                    one.elsewhere,
                    len(one.lacking),
                    one.keys is not None,
                )
            )
    return found


def check(
    session: Session, target: str, *, at: str = "", files: bool = False
) -> list[CheckedBackup]:
    """Check that backups are whole; with ``files``, that every package file is sound."""
    from debrepo_backup import checking, targets

    with targets.opened(session, target) as there:
        return checking.check(session, there, at, files=files)


def prune(session: Session, target: str, *, keep: int, dry_run: bool = False) -> PrunedBackups:
    """Delete all but the newest backups, and what no other one needs."""
    from debrepo_backup import making, pruning, targets

    if not dry_run:
        session.check_thawed()
    with (
        targets.opened(session, target) as there,
        session.leases.hold(
            making.LEASE,
            note=lambda lease: session.progress.note(f"Waiting for {lease}."),
        ),
    ):
        return pruning.prune(there, keep, dry_run=dry_run)


def restore(
    session: Session, source: str, *, at: str = "", pool: Path | None = None
) -> RestoreResult:
    """Restore a backup to an empty root, whose storages are frozen then.

    ``at`` is what the ID of the backup begins with; ``pool`` is a copy of the pool, for backups
    that refer to one.
    """
    from debrepo_backup import restoring, targets

    with targets.opened(session, source) as there:
        return restoring.restore(session, there, at, pool)


def database(session: Session, target: Path) -> Path:
    """Copy the database to the directory ``target``; it may be in use meanwhile.

    To restore it, put the directory in the place of ``db`` below the root. The pool is
    not part of it: its files never change, so any copy made later will do.
    """
    from debrepo_backup import records

    session.db.backup(target)
    if not session.read_only:
        records.record(session, str(target))
    return target
