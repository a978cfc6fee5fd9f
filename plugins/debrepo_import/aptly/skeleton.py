"""Skeleton files of aptly: what it publishes beside the indexes, brought to the same place here."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.errors import cannot_write
from debrepo_import.files import shown
from debrepo_import.report import Remark
from debrepo_import.tables import BROUGHT, BroughtList, brought_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.session import Session
    from debrepo_import.aptly.source import AptlySource

DIRECTORY = "skel"
#: What is before the path of a skeleton file where an import remembers what it has brought.
KIND = "skeleton:"


def bring(session: Session, source: AptlySource, *, force: bool) -> list[Remark]:
    """Bring the skeleton files that are not here, and what has changed in them since."""
    top = source.root / DIRECTORY
    if not top.is_dir():
        return []
    wanted = str(session.config["publish.skeleton"])
    if not wanted:
        text = "publish.skeleton is empty, so there is no place for them"
        return [Remark("unsupported", f"skeleton files {top}", text)]
    remarks: list[Remark] = []
    most = int(session.config["publish.skeleton_size"])
    for path in _below(top, remarks):
        name = path.relative_to(top).as_posix()
        try:
            data = _read(path, most)
            why = _put(session, source, session.root / wanted / name, name, data, force=force)
        except OSError as error:
            why = Remark("damaged", _subject(name), f"cannot be read: {error.strerror}")
        if why:
            remarks.append(why)
    return remarks


def _subject(name: str) -> str:
    return f"skeleton file {shown(name)}"


def _below(top: Path, remarks: list[Remark]) -> Iterator[Path]:
    """Yield the plain files below a directory; what is a link is named, and not followed."""
    for directory, names, files in os.walk(top):
        names.sort()
        for name in sorted([*files, *(one for one in names if Path(directory, one).is_symlink())]):
            path = Path(directory, name)
            if path.is_symlink() or not path.is_file():
                subject = _subject(path.relative_to(top).as_posix())
                remarks.append(Remark("refused", subject, "it is no plain file"))
            else:
                yield path


def _read(path: Path, most: int) -> bytes:
    """Return a file; raise `OSError` where that is not possible, or it is too large to publish."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            raise OSError(0, f"it has {status.st_size} bytes, publish.skeleton_size allows {most}")
        return file.read(most)


def _put(
    session: Session, source: AptlySource, target: Path, name: str, data: bytes, *, force: bool
) -> Remark | None:
    """Put a file in place unless another one is there that no import has brought."""
    digest = sha256(data).hexdigest()
    key = brought_key(source.name, f"{KIND}{name}")
    if len(os.fsencode(key)) > _LONGEST or not name.isprintable():
        return Remark("refused", _subject(name), "its name cannot be published")
    with session.db.read() as txn:
        last = txn[BROUGHT].get(key)
    there = sha256(target.read_bytes()).hexdigest() if target.is_file() else ""
    if there != digest:
        mine = last is not None and last.state == there
        if (target.exists() or target.is_symlink()) and not mine and not force:
            return Remark(
                "taken", _subject(name), "there is another file here; --force replaces it"
            )
        _write(target, data)
    with session.db.write() as txn:
        txn[BROUGHT][key] = BroughtList(digest, "", whole=True)
    return None


_LONGEST = 500  # bytes of a key of the database


def _write(target: Path, data: bytes) -> None:
    partial = target.with_name(f".{target.name[:200]}.partial")  # a hidden file is not published
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise cannot_write(os.fspath(target), error) from error
