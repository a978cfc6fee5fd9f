"""Pruning: older backups, and what no other one needs, are deleted."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

from debrepo_backup import manifests

if TYPE_CHECKING:
    from debrepo_backup.targets import BackupTarget


class PrunedBackups(NamedTuple):
    """What was deleted, or would be."""

    dropped: list[str]  #: IDs of backups
    kept: int
    files: int  #: package files
    pieces: int


def prune(target: BackupTarget, keep: int, *, dry_run: bool) -> PrunedBackups:
    """Keep the newest backups; those to delete stop to count before anything of them goes.

    A backup that is being made elsewhere notices if what it counts on has gone.
    """
    manifests.check_count(keep)
    with nullcontext() if dry_run else target.alone():
        known = manifests.ids(target)
        dropped = known[keep:]
        needed: set[str] = set()
        for number in known[:keep]:
            manifest = manifests.read(target, number).manifest
            needed.update(piece.name for piece in manifest.pieces)
            if manifest.how == "copy":
                listed = manifests.files(target, manifest)
                needed.update(manifests.file_name(digest) for digest, _ in listed)
        pieces = [name for name in target.names("pieces") if name not in needed]
        files = [name for name in target.names("pool") if name not in needed]
        if not dry_run:
            manifests.drop(target, dropped)
            target.storage.delete(map(target.path, [*files, *pieces]))
    return PrunedBackups(dropped, len(known) - len(dropped), len(files), len(pieces))
