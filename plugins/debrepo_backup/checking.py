"""Checking: whether a backup has all that its manifest names, and whether that is sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import VerificationFailed
from debrepo.stopping import checkpoint
from debrepo_backup import manifests, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.session import Session
    from debrepo_backup.targets import BackupTarget


class CheckedBackup(NamedTuple):
    """A backup, and what is wrong with it."""

    id: str
    problems: list[str]


def check(session: Session, target: BackupTarget, at: str, *, files: bool) -> list[CheckedBackup]:
    """Check one backup, or all; the database is read, and with ``files`` every package file."""
    chosen = [manifests.find(target, at).id] if at else manifests.ids(target)
    if not chosen:
        manifests.find(target)  # which says that there are none
    damaged = dict[str, bool]()
    return [
        CheckedBackup(one, list(_problems(session, target, one, files, damaged))) for one in chosen
    ]


def _problems(
    session: Session, target: BackupTarget, number: str, files: bool, damaged: dict[str, bool]
) -> Iterator[str]:
    """Yield what is wrong; ``damaged`` holds what has been read before, for other backups."""
    try:
        manifest = manifests.read(target, number).manifest
    except VerificationFailed as error:
        yield str(error)
        return
    broken = False
    for piece in session.progress.track(f"Checking {number}", [*manifest.pieces]):
        checkpoint()
        if piece.name not in damaged:
            try:
                pieces.read(target, piece)
            except VerificationFailed as error:
                damaged[piece.name] = True
                yield str(error)
            else:
                damaged[piece.name] = False
        elif damaged[piece.name]:
            yield f"{piece.name} of {target.name} is missing or damaged"
        broken = broken or damaged[piece.name]
    if broken or manifest.how != "copy":
        return
    wanted = {manifests.file_name(digest): (digest, size)
              for digest, size in manifests.files(target, manifest)}  # fmt: skip
    found = target.sizes(wanted)
    sound = []
    for name, (_, size) in wanted.items():
        if name not in found:
            yield f"{name} is missing from {target.name}"
        elif found[name] != size:
            yield f"{name} of {target.name} has {found[name]} bytes, and not {size}"
        elif name not in damaged:
            sound.append(name)
    if files:
        start = len(target.prefix)
        read = target.storage.sha256_all(map(target.path, sound))
        for path, sha256 in session.progress.track("Reading files", read, total=len(sound)):
            checkpoint()
            name = path[start:]
            damaged[name] = sha256 != wanted[name][0]
    for name in wanted:
        if damaged.get(name):
            yield f"{name} of {target.name} is damaged"
