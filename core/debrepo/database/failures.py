"""What LMDB reports, in words that say what to do."""

from __future__ import annotations

import os
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from typing import TYPE_CHECKING

import lmdb

from debrepo.database.filesystem import why_full
from debrepo.errors import DatabaseBusy, DatabaseError, DatabaseFull, InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

_DAMAGED = (
    lmdb.InvalidError,
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.PageFullError,
    lmdb.CursorFullError,
    lmdb.IncompatibleError,
)
_RESTORE = 'restore a backup that "debrepo db backup DIRECTORY" made'
_FREE = "free some space, then do it again; nothing that was there is lost"


class Undone(Exception):
    """Nothing was changed, for reasons that may be gone when the work is done again.

    It is a second base of the exception that says why.
    """


class MapFull(DatabaseFull, Undone):
    """The map was too small for a transaction; it has been enlarged since."""


def damaged(path: Path, why: str) -> DatabaseError:
    """Return what to raise for a database that cannot be trusted."""
    return DatabaseError(f"the database in {path} is damaged: {why}", hint=_RESTORE)


def explain(error: lmdb.Error, path: Path) -> Exception:
    """Return our exception for one of LMDB's, met in the database below ``path``."""
    text = _reason(error)
    if isinstance(error, _DAMAGED):
        return damaged(path, text)
    if isinstance(error, lmdb.BadValsizeError):
        return InvalidInput("a name is too long for the database, or empty")
    if isinstance(error, lmdb.ReadonlyError):
        return RuntimeError("this transaction only reads; a change needs write() or update()")
    if isinstance(error, lmdb.ReadersFullError):
        return DatabaseBusy("too many readers have the database open", hint="try again later")
    if isinstance(error, lmdb.PanicError):
        return DatabaseError(
            f"the disk of {path} failed while the database was written",
            hint="look at the kernel's log, then restart debrepo",
        )
    return _explain_disk(text, path) or DatabaseError(f"the database in {path}: {text}")


def _explain_disk(text: str, path: Path) -> DatabaseError | None:
    """Return what a failed write means; LMDB calls most of them input/output errors."""
    if text in {os.strerror(code) for code in (ENOSPC, EDQUOT, EFBIG)}:
        why = why_full(path / "data.mdb") or f"{path} cannot grow: {text}"
        return DatabaseFull(why, hint=_FREE)
    if text != os.strerror(EIO):
        return None
    why = why_full(path / "data.mdb")
    if why:
        return DatabaseFull(why, hint=_FREE)
    return DatabaseError(
        f"the database in {path}: {text}",
        hint="look at the kernel's log, and whether a quota is used up",
    )


def _reason(error: lmdb.Error) -> str:
    """Return LMDB's words without the name of the C function that they start with."""
    text = str(error)
    head, colon, rest = text.partition(": ")
    return rest if colon and (head.startswith("mdb_") or "/" in head) else text
