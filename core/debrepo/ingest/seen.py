"""Seen files: what was read of a file need not be read again, as long as its status is the same.

It is a database of its own below ``cache``: nothing in it is needed, so the number of files is
limited, and it may be deleted at any time. It holds which package a file is; everything else
about that is in the package database, and in the pool.
"""

from __future__ import annotations

import os
import stat
import time
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING

from debrepo import archive
from debrepo.catalog import CONTENTS, PACKAGES
from debrepo.database import Database, bytes_table
from debrepo.errors import DatabaseBusy, DatabaseError, DatabaseFull
from debrepo.ingest.files import Ingested
from debrepo.package import Entry, digests
from debrepo.refs import TableRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from debrepo.pool import Pool
    from debrepo.session import Session

FILES = bytes_table("seen.files")  #: hash of a path to the status of a file, and an `Entry`
_STATE = bytes_table("seen.state")
_TABLES = [
    TableRef("seen.files", 1, "debrepo.ingest.seen:FILES"),
    TableRef("seen.state", 1, "debrepo.ingest.seen:_STATE"),
]
_COUNT = b"files"
MOST = 1 << 20  #: files; when there would be more, the older ones are dropped
#: Nanoseconds before the status was read in which a file must not have changed: a change that
#: follows in the same tick of the clock of a file system would leave the status as it was.
RACY = 3 * 10**9
_BATCH = 4096  # files that are looked up together
_STATUS = Struct("<QQQqq")

#: What tells whether a file was changed: device, inode, size, time of its data, and of its status.
Status = bytes


class SeenFiles:
    """The files that were read by path, and which package each is."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._database = _opened(session.root / "cache" / "seen")
        self._new: dict[str, Status] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def divide(
        self, pool: Pool, files: Sequence[Path], *, deep: bool
    ) -> tuple[list[Ingested], list[Path]]:
        """Return what is known of some files, and those that have to be read.

        Those are known whose status is as it was when they were read, if the package is in the
        database and its files are in the pool, which keeps them; with ``deep``, if its data was
        read as well.
        """
        known: list[Ingested] = []
        others: list[Path] = []
        for start in range(0, len(files), _BATCH):
            batch = files[start : start + _BATCH]
            found = self._look_up(pool, batch, deep=deep)
            known += found.values()
            others += (path for path in batch if path not in found)
        return known, others

    def _look_up(self, pool: Pool, files: Sequence[Path], *, deep: bool) -> dict[Path, Ingested]:
        latest = time.time_ns() - RACY
        status = {path: one for path in files if (one := _status(path, latest))}
        found: dict[Path, Ingested] = {}
        with self._database.read() as seen, self._session.db.read() as txn:
            for path, current in status.items():
                row = seen[FILES].get(_key(path), b"")
                entry = Entry(bytes(row[_STATUS.size :]))
                record = txn[PACKAGES].get(entry) if row[: _STATUS.size] == current else None
                if record is None or (deep and entry not in txn[CONTENTS]):
                    self._new[os.fspath(path)] = current
                else:
                    found[path] = Ingested(path, (path,), entry, bytes(record), b"")
        of_each = {path: list(digests(item.record)) for path, item in found.items()}
        wanted = {digest for needed in of_each.values() for digest in needed}
        pool.reserve_ahead(wanted)
        lacking = set(pool.lacking(wanted))
        for path, needed in of_each.items():
            if not lacking.isdisjoint(needed):
                self._new[os.fspath(path)] = status[path]
                del found[path]
        return found

    def remember(self, items: Iterable[Ingested]) -> None:
        """Remember which packages files were that have been read; they are in the database."""
        rows = {}
        for item in items:
            status = self._new.pop(os.fspath(item.source), None)
            if status is not None:
                rows[_key(item.source)] = status + item.entry
        if rows:
            self._store(rows)

    def _store(self, rows: Mapping[bytes, bytes]) -> None:
        with self._database.write() as seen:
            count = int(seen[_STATE].get(_COUNT, b"0"))
            if count + len(rows) > MOST:
                seen[FILES].clear()
                count = 0
            count += sum(key not in seen[FILES] for key in rows)
            seen[FILES].put_many(sorted(rows.items()))
            seen[_STATE][_COUNT] = b"%d" % count


def _opened(path: Path) -> Database:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return Database(path, _TABLES)
    except (DatabaseBusy, DatabaseFull):
        raise
    except DatabaseError:  # damaged, or of another version: make it anew
        import shutil  # it loads LZMA

        shutil.rmtree(path, ignore_errors=True)
        return Database(path, _TABLES)


def _key(path: Path) -> bytes:
    return blake2b(os.path.abspath(os.fsencode(path)), digest_size=16).digest()


def _status(path: Path, latest: int) -> Status:
    """Return the status of a binary package that has not changed since, or nothing."""
    name = os.fspath(path)
    if os.path.splitext(name)[1] not in archive.EXTENSIONS:
        return b""  # a .dsc stands for several files
    try:
        found = os.stat(name)
    except (OSError, ValueError):  # reading it says so
        return b""
    changed = max(found.st_mtime_ns, found.st_ctime_ns)
    if changed > latest or not stat.S_ISREG(found.st_mode):
        return b""
    return _STATUS.pack(
        found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    )
