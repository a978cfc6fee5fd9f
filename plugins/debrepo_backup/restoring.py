"""Restoring: package files first, the database last, into a root that publishes nothing yet.

Each step can be done again, so that a restore that was killed is finished by the next one.
"""

from __future__ import annotations

import hashlib
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo import durable, freezing, leases, remote_files, stored_files
from debrepo.database import write_entries
from debrepo.errors import (
    AlreadyExists,
    InvalidInput,
    NotFound,
    VerificationFailed,
    cannot_write,
)
from debrepo.freezing import RESTORING
from debrepo.object_storage import side_by_side
from debrepo.session import Session
from debrepo.storage import check_path
from debrepo.stored_files import LostFile
from debrepo_backup import configuration, manifests, pieces

if TYPE_CHECKING:
    from debrepo.pool import Pool
    from debrepo_backup.manifests import Backup, Manifest
    from debrepo_backup.targets import BackupTarget

#: What may be below a root that is empty.
_EMPTY = {"debrepo.toml", "frozen", "leases", "lost+found"}
_PARTIAL = ".partial"  # what names end with that a killed process was writing
_KEYS = "keys.pgp"
_THREADS = 8
_MISSING = "add the package again, or restore another backup"


class RestoreResult(NamedTuple):
    """What has been restored."""

    id: str
    root: str
    entries: int  #: of the database
    files: int  #: of the pool, that are there now
    lost: list[str]  #: files of the pool that could not be restored, and why
    elsewhere: int  #: files that are fetched from where they are
    blanked: list[str]  #: settings to be set again
    keys: str  #: the file with the secret keys, encrypted; empty: the backup has none


def restore(session: Session, target: BackupTarget, at: str, pool: Path | None) -> RestoreResult:
    """Restore a backup to the root of the session; continue a restore that was killed.

    ``pool`` is where to copy package files from that the backup refers to.
    """
    root = session.root
    note = session.progress.note
    if session.database_url:
        raise InvalidInput(
            "backups are restored into LMDB below the root, and database.url names another place",
            hint="restore it without that setting",
        )
    _chosen(root, target, at)  # before anything is there that would have to go again
    with leases.hold(root, "restore", note=lambda lease: note(f"Waiting for {lease}.")):
        backup = _chosen(root, target, at)
        for partial in root.glob(f"*{_PARTIAL}"):
            if not partial.is_dir():  # that of the database goes when there is another one
                partial.unlink(missing_ok=True)
        freezing.freeze(root, f"restored from {target.name}, backup {backup.id}")
        durable.write(root / RESTORING, f"{backup.id}\n".encode())
        manifest = backup.manifest
        lost = _restore_pool(session, target, manifest, pool)
        _restore_files(session, target, manifest)
        if manifest.keys:
            durable.write(root / _KEYS, pieces.read(target, manifest.keys), mode=0o600)
        _restore_database(session, target, manifest)
        _end(root)
        with closing(Session(root, session.plugins, copied=True)) as restored, restored.db.read():
            pass  # it has been migrated, if this debrepo is newer
    return RestoreResult(
        backup.id,
        str(root),
        manifest.entries,
        manifest.files - len(lost) if pool or manifest.how != "none" else 0,
        sorted([*lost, *(f"{digest} was not in the pool" for digest in manifest.lacking)]),
        manifest.elsewhere,
        list(manifest.blanked),
        str(root / _KEYS) if manifest.keys else "",
    )


def _check_root(root: Path) -> None:
    """Raise `AlreadyExists` unless a root is empty, or half restored."""
    try:
        there = {path.name for path in root.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise cannot_write(root, error) from error
    there = {name for name in there if not name.endswith(_PARTIAL)}
    if RESTORING not in there and (other := sorted(there - _EMPTY)):
        raise AlreadyExists(
            f"the root {root} is not empty: it has {other[0]}",
            hint="name a new directory with --root",
        )


def _chosen(root: Path, target: BackupTarget, at: str) -> Backup:
    """Return the backup to restore: the one that a killed process has begun with, if any."""
    _check_root(root)
    mark = root / RESTORING
    begun = mark.read_text().strip() if mark.exists() else ""
    backup = manifests.find(target, at or begun)
    if begun and backup.id != begun:
        raise AlreadyExists(
            f"the root {root} is half restored, from the backup {begun}",
            hint=f"go on with --at {begun}, or delete what is there",
        )
    return backup


def _restore_pool(
    session: Session, target: BackupTarget, manifest: Manifest, pool: Path | None
) -> list[str]:
    """Bring the package files into the pool; return what could not be had, and why."""
    place = pool or (Path(manifest.pool) if manifest.how == "reference" else None)
    if place is None and manifest.how == "none":
        session.progress.note("The backup is without the pool: put its files in place yourself.")
        return []
    if place is not None and not place.is_dir():
        raise NotFound(
            f"the backup refers to the pool in {place}, which is not there",
            hint="name a copy of it with --pool",
        )
    listed = list(manifests.files(target, manifest))
    wanted = [one for one, size in listed if not remote_files.is_here(session.pool, one, size)]
    lost: list[str] = []

    def bring(digest: str) -> None:
        try:
            if place is not None:
                _bring_local(session.pool, place, digest)
                return
            path = target.path(manifests.file_name(digest))
            stored_files.bring(
                session.pool, target.storage, path, digest, where=target.name, missing=_MISSING
            )
        except LostFile as error:
            lost.append(str(error))

    tracked = session.progress.track("Restoring files", wanted, total=len(wanted))
    side_by_side(bring, tracked, _THREADS)
    session.pool.sync()
    return lost


def _bring_local(pool: Pool, place: Path, digest: str) -> None:
    """Copy a file of another pool, and verify it on the way."""
    path = place / digest[:2] / digest[2:]
    found = hashlib.sha256()
    try:
        with path.open("rb") as file, pool.stage(file) as staged:
            for block in staged:
                found.update(block)
            if found.hexdigest() != digest:
                raise LostFile(f"{path} is damaged: its SHA256 checksum is {found.hexdigest()}")
            staged.place(digest)
    except FileNotFoundError:
        raise LostFile(f"{path} is missing") from None


def _restore_files(session: Session, target: BackupTarget, manifest: Manifest) -> None:
    """Write the configuration, unless there is one, and what plugins wanted kept."""
    for name, piece in manifest.kept.items():
        path = session.root / check_path(name)
        data = pieces.read(target, piece)
        if name == configuration.NAME and path.exists():
            if path.read_bytes() != data:
                session.progress.note(f"{path} was there, and stays as it is.")
            continue
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from error
        durable.write(path, data, mode=0o600)


def _restore_database(session: Session, target: BackupTarget, manifest: Manifest) -> None:
    """Make the database under its name when it is whole; until the end, nobody else makes one."""
    place = session.root / "db"
    if not place.exists():
        tracked = session.progress.track(
            "Restoring database",
            pieces.read_all(target, manifest.database),
            total=manifest.entries,
        )
        count = write_entries(place, tracked)
        if count != manifest.entries:
            raise VerificationFailed(f"the backup has {count} entries, and not {manifest.entries}")


def _end(root: Path) -> None:
    try:
        with suppress(FileNotFoundError):
            (root / RESTORING).unlink()
        durable.sync(root)
    except OSError as error:
        raise cannot_write(root, error) from error
