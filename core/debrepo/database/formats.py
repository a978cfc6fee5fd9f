"""Data formats of LMDB: what a file is in, and what new ones are made in.

LMDB 0.9 and 1.0 cannot read each other's files. Every build of py-lmdb reads the one of 0.9, so
this is what debrepo makes, whatever the environment says.
"""

from __future__ import annotations

from struct import unpack_from
from typing import TYPE_CHECKING, Any

import lmdb

from debrepo.errors import DatabaseError

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC = 0xBEEFC0DE
_PLACES = (16, 24)  # behind the page header, which is longer in LMDB 1.0
_OLD, _DEVELOPMENT, _NEW = 1, 2, 3
_LMDB_OF = {_OLD: "0.9", _DEVELOPMENT: "1.0 before its release", _NEW: "1.0"}


def format_of(path: Path) -> int:
    """Return the version of the data format of the database in ``path``; 0 if it has none."""
    try:
        with (path / "data.mdb").open("rb") as file:
            head = file.read(_PLACES[-1] + 8)
    except OSError:
        return 0
    for place in _PLACES:
        if len(head) >= place + 8:
            magic, version = unpack_from("=II", head, place)
            if magic == _MAGIC:
                return int(version)
    return 0


def for_new(path: Path) -> dict[str, Any]:
    """Return the argument of ``lmdb.open`` that says the format of a database to be made."""
    if (path / "data.mdb").exists() or not hasattr(lmdb.Environment, "lib_version"):
        return {}
    try:
        lmdb.version(lib_version=0)
    except lmdb.Error:  # a build that has another LMDB only
        return {}
    return {"lib_version": 0}


def unreadable(path: Path) -> DatabaseError | None:
    """Return what to raise when LMDB refuses a database that is in another format than its own."""
    version = format_of(path)
    if version in (0, _OLD):
        return None
    name = f"LMDB {_LMDB_OF[version]}" if version in _LMDB_OF else f"another LMDB ({version})"
    return DatabaseError(
        f"the database in {path} is in the format of {name}, which lmdb {lmdb.__version__} "
        "does not read",
        hint="install lmdb 3 or later (pip install 'lmdb>=3'), "
        'then run "debrepo db copy DIRECTORY" to convert it',
    )
