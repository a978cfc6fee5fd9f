"""Manifests: what a backup consists of; written last, so that only whole backups have one."""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.errors import InvalidInput, NotFound, VerificationFailed
from debrepo_backup.pieces import StoredPiece, read_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo_backup.targets import BackupTarget

_DIRECTORY = "backups"
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")


class Manifest(NamedTuple):
    """A backup: when and of what it was made, and its parts."""

    created: int  #: seconds since the epoch; later than that of the backup before
    debrepo: str  #: the release that made it
    host: str
    root: str
    entries: int  #: of the database
    database: tuple[StoredPiece, ...]
    how: str  #: ``copy``, ``reference`` or ``none``: what became of the pool
    pool: str  #: the directory of the pool
    files: int  #: of the pool, in the backup, or referred to
    bytes: int
    elsewhere: int  #: files of packages that plugins fetch from where they are
    lists: tuple[StoredPiece, ...]  #: of those files: SHA256 and size
    lacking: tuple[str, ...]  #: SHA256 of files that the pool had lost, and no backup has
    kept: dict[str, StoredPiece]  #: files below the root, by their paths
    blanked: tuple[str, ...]  #: settings whose values are secret, and left out
    keys: StoredPiece | None  #: secret keys, encrypted

    @property
    def pieces(self) -> Iterator[StoredPiece]:
        """All pieces of it."""
        yield from self.database
        yield from self.lists
        yield from self.kept.values()
        if self.keys:
            yield self.keys


class Backup(NamedTuple):
    """A backup in a target."""

    id: str
    manifest: Manifest


def put(target: BackupTarget, manifest: Manifest) -> str:
    """Make a backup count, and return its ID, which ends with the checksum of the manifest."""
    data = json.dumps(manifest._asdict(), indent=1).encode()
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(manifest.created))
    number = f"{at}-{_digest(data)}"
    target.storage.put(target.path(_name(number)), data)
    target.storage.flush()
    return number


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def _name(number: str) -> str:
    return f"{_DIRECTORY}/{number}.json"


def ids(target: BackupTarget) -> list[str]:
    """Return the IDs of all backups, newest first."""
    names = (name.rpartition("/")[2] for name in target.names(_DIRECTORY))
    return sorted(n[:-5] for n in names if _ID.fullmatch(n[:-5]) and n[-5:] == ".json")[::-1]


def read(target: BackupTarget, number: str) -> Backup:
    """Return a backup; raise `VerificationFailed` if its manifest is damaged."""
    data = target.get(_name(number))
    if _digest(data) != number.rpartition("-")[2]:
        raise VerificationFailed(
            f"{_name(number)} of {target.name} is damaged",
            hint="use another backup, and delete that file",
        )
    return Backup(number, _load(json.loads(data)))


def find(target: BackupTarget, at: str = "") -> Backup:
    """Return the newest backup whose ID begins with ``at``: of all, of a day, or of a second."""
    known = ids(target)
    found = next((number for number in known if number.startswith(at)), None)
    if found is not None:
        return read(target, found)
    if not known:
        raise NotFound(
            f"there are no backups in {target.name}", hint='run "debrepo backup create TO"'
        )
    raise NotFound(
        f"no backup in {target.name} has an ID that begins with {at!r}",
        hint=f'the newest is {known[0]}; run "debrepo backup list {target.name}"',
    )


def newest(target: BackupTarget) -> Backup | None:
    """Return the newest backup whose manifest is sound, if there is one."""
    for number in ids(target):
        try:
            return read(target, number)
        except VerificationFailed:
            continue
    return None


def drop(target: BackupTarget, numbers: list[str]) -> None:
    """Make backups count no more."""
    target.storage.delete([target.path(_name(number)) for number in numbers])
    target.storage.flush()


def files(target: BackupTarget, manifest: Manifest) -> Iterator[tuple[str, int]]:
    """Yield SHA256 and size of the files of the pool, in order."""
    for key, value in read_all(target, manifest.lists):
        yield key.hex(), int.from_bytes(value, "big")


def file_name(digest: str) -> str:
    """Return where a file of the pool is in a target."""
    return f"pool/{digest[:2]}/{digest[2:]}"


def check_count(keep: int) -> None:
    """Raise `InvalidInput` for a number of backups that would leave none."""
    if keep < 1:
        raise InvalidInput(f"cannot keep {keep} backups", hint="keep 1 or more")


def _load(fields: dict[str, Any]) -> Manifest:
    fields["database"] = tuple(StoredPiece(*row) for row in fields["database"])
    fields["lists"] = tuple(StoredPiece(*row) for row in fields["lists"])
    fields["kept"] = {path: StoredPiece(*row) for path, row in fields["kept"].items()}
    fields["keys"] = StoredPiece(*fields["keys"]) if fields["keys"] else None
    fields["lacking"], fields["blanked"] = tuple(fields["lacking"]), tuple(fields["blanked"])
    return Manifest(**fields)
