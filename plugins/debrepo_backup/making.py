"""Making a backup: a copy of the database first, then the files that it names, the manifest last.

The files stay in the pool until then, whatever a cleanup does. What the target has already is not
put again, so that a backup that was killed costs little the next time.
"""

from __future__ import annotations

import os
import time
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from debrepo import __version__
from debrepo.database import read_entries
from debrepo.errors import Conflict, InvalidInput
from debrepo.stopping import checkpoint
from debrepo.storage import PoolLink
from debrepo_backup import configuration, manifests, pruning, records, snapshots, targets
from debrepo_backup.manifests import Manifest, file_name
from debrepo_backup.pieces import PieceWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from debrepo.pool import Pool
    from debrepo.session import Session
    from debrepo_backup.manifests import Backup
    from debrepo_backup.pieces import StoredPiece
    from debrepo_backup.snapshots import DatabaseSnapshot
    from debrepo_backup.targets import BackupTarget

T = TypeVar("T")

HOW = ("copy", "reference", "none")
LEASE = "backup"
_BATCH = 256  # files that travel together


class BackupResult(NamedTuple):
    """A backup, and what it took to make it."""

    id: str
    target: str
    entries: int  #: of the database
    pieces: int  #: of it and of what else there is, that were written
    piece_bytes: int
    files: int  #: of the pool, that the backup has
    bytes: int
    new_files: int  #: those that were copied now
    new_bytes: int
    elsewhere: int
    lacking: list[str]  #: lost or damaged in the pool, and in no earlier backup
    blanked: list[str]  #: settings whose values are secret, and left out
    keys: bool  #: whether it has the secret keys
    pruned: list[str]  #: older backups that were deleted


class _Copied(NamedTuple):
    """The files of the pool in a target, by SHA256 with their sizes, and those copied now."""

    there: dict[str, int]
    new: dict[str, int]


def make(
    session: Session, to: str, *, how: str, keep: int | None, recipient: bytes | None
) -> BackupResult:
    """Make a backup, and delete all but the newest ``keep`` if given."""
    if how not in HOW:
        raise InvalidInput(f"the pool cannot go by {how!r}", hint=f"use {', '.join(HOW)}")
    if keep is not None:
        manifests.check_count(keep)
    sealed = None if recipient is None else session.call("key.seal", recipient=recipient)
    with (
        targets.opened(session, to, new=True) as target,
        session.leases.hold(LEASE, note=lambda one: session.progress.note(f"Waiting for {one}.")),
        session.pool.reserving() as pool,
        snapshots.taken(session, pool) as snapshot,
    ):
        made = _make(session, target, pool, snapshot, how, sealed)
        if not session.read_only:
            records.record(session, target.name)
        pruned = pruning.prune(target, keep, dry_run=False).dropped if keep else []
    return made._replace(pruned=pruned)


def _make(
    session: Session,
    target: BackupTarget,
    pool: Pool,
    snapshot: DatabaseSnapshot,
    how: str,
    sealed: bytes | None,
) -> BackupResult:
    last = manifests.newest(target)
    writer = PieceWriter(target, last.manifest.pieces if last else ())
    count = 0

    def counted() -> Iterator[tuple[bytes, bytes]]:
        nonlocal count
        for entry in session.progress.track("Copying database", read_entries(snapshot.database)):
            count += 1
            yield entry

    database = writer.add_all(counted())
    copied = (
        _copy_files(session, target, pool, snapshot, last) if how == "copy" else _Copied({}, {})
    )
    sizes = copied.there if how == "copy" else _sizes(pool, snapshot)
    lists = writer.add_all(
        (bytes.fromhex(digest), sizes[digest].to_bytes(8, "big")) for digest in sorted(sizes)
    )
    named = {*snapshot.files, *snapshot.lost}
    lacking = sorted(named - sizes.keys()) if how != "none" else []
    settings = configuration.without_secrets(session)
    kept = _kept(session, writer, settings)
    keys = writer.add(sealed) if sealed else None
    writer.finish()
    manifest = Manifest(
        created=max(int(time.time()), last.manifest.created + 1 if last else 0),
        debrepo=__version__,
        host=os.uname().nodename,
        root=str(session.root),
        entries=count,
        database=tuple(database),
        how=how,
        pool=str(session.pool.root),
        files=len(sizes),
        bytes=sum(sizes.values()),
        elsewhere=snapshot.elsewhere,
        lists=tuple(lists),
        lacking=tuple(lacking),
        kept=kept,
        blanked=settings.blanked if settings else (),
        keys=keys,
    )
    target.storage.flush()
    checkpoint()
    with target.alone():
        _check_there(target, manifest, copied.there)
        number = manifests.put(target, manifest)
    return BackupResult(
        number,
        target.name,
        count,
        writer.put,
        writer.bytes,
        manifest.files,
        manifest.bytes,
        len(copied.new),
        sum(copied.new.values()),
        snapshot.elsewhere,
        lacking,
        list(manifest.blanked),
        sealed is not None,
        [],
    )


def _sizes(pool: Pool, snapshot: DatabaseSnapshot) -> dict[str, int]:
    return {digest: pool.size(digest) for digest in snapshot.files}


def _copy_files(
    session: Session,
    target: BackupTarget,
    pool: Pool,
    snapshot: DatabaseSnapshot,
    last: Backup | None,
) -> _Copied:
    """Copy the files that the target lacks; leave out those that are damaged here."""
    wanted = _sizes(pool, snapshot)
    found = target.sizes(file_name(digest) for digest in wanted)
    known = {
        digest: size for digest, size in wanted.items() if found.get(file_name(digest)) == size
    }
    if snapshot.lost and last:  # a backup made earlier may have what the pool has lost
        known |= _of_earlier(target, last, snapshot.lost)
    missing = sorted(wanted.keys() - known.keys())
    new: dict[str, int] = {}
    tracked = session.progress.track("Copying files", missing, total=len(missing))
    for batch in _batches(tracked, _BATCH):
        checkpoint()
        sound = [digest for digest in batch if pool.check(digest) is None]
        target.storage.delete(
            target.path(file_name(digest)) for digest in sound if file_name(digest) in found
        )  # half a file would be in the way
        target.storage.link_all(
            PoolLink(target.path(file_name(digest)), pool.location(digest), wanted[digest], digest)
            for digest in sound
        )
        new |= {digest: wanted[digest] for digest in sound}
    return _Copied(known | new, new)


def _of_earlier(target: BackupTarget, last: Backup, lost: Sequence[str]) -> dict[str, int]:
    """Return those of some files that the last backup has, with their sizes."""
    sizes = dict(manifests.files(target, last.manifest))
    found = target.sizes(file_name(digest) for digest in lost)
    return {
        digest: sizes[digest]
        for digest in lost
        if digest in sizes and found.get(file_name(digest)) == sizes[digest]
    }


def _kept(
    session: Session, writer: PieceWriter, settings: configuration.Configuration | None
) -> dict[str, StoredPiece]:
    """Store the configuration, and what plugins want kept; return it by paths below the root."""
    kept = {configuration.NAME: writer.add(settings.text)} if settings else {}
    for path in sorted(
        {p for paths in session.hook.debrepo_kept_files(session=session) for p in paths}
    ):
        if path.is_relative_to(session.root) and path.is_file():
            kept[str(path.relative_to(session.root))] = writer.add(path.read_bytes())
    return kept


def _check_there(target: BackupTarget, manifest: Manifest, files: Mapping[str, int]) -> None:
    """Raise `Conflict` if somebody has deleted what the backup counts on."""
    wanted = {piece.name: piece.stored for piece in manifest.pieces}
    wanted |= {file_name(digest): size for digest, size in files.items()}
    found = target.sizes(wanted)
    gone = sorted(name for name, size in wanted.items() if found.get(name) != size)
    if gone:
        raise Conflict(
            f"{gone[0]} of {target.name} was deleted while the backup was made",
            hint="make the backup again; let only one debrepo prune a target",
        )


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
