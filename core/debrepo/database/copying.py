"""Copying a database entry by entry, into the data format that every LMDB reads."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import lmdb

from debrepo.database.formats import for_new

if TYPE_CHECKING:
    from pathlib import Path

_BATCH = 10_000  # entries in one transaction


def copy_entries(raw: Any, directory: Path, map_size: int) -> int:
    """Copy what a transaction sees into a new database, durably; return the number of entries."""
    count = 0
    env = lmdb.open(str(directory), map_size=map_size, max_dbs=0, sync=False, **for_new(directory))
    try:
        with raw.cursor() as cursor:
            entries = iter(cursor)
            while batch := list(islice(entries, _BATCH)):
                count += _put(env, batch)
        env.sync(True)
    finally:
        env.close()
    (directory / "lock.mdb").unlink(missing_ok=True)
    return count


def _put(env: Any, batch: list[tuple[bytes, bytes]]) -> int:
    """Add entries behind all others; make the map larger when they do not fit."""
    while True:
        try:
            with env.begin(write=True) as txn, txn.cursor() as cursor:
                _, added = cursor.putmulti(batch, append=True)
                return int(added)
        except lmdb.MapFullError:
            env.set_mapsize(env.info()["map_size"] * 2)
