"""Copying a database entry by entry, into the data format that every LMDB reads, and back."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

import lmdb

from debrepo.database.failures import explain
from debrepo.database.formats import for_new
from debrepo.database.opening import fsync
from debrepo.errors import cannot_write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_BATCH = 10_000  # entries in one transaction
_MAP_SIZE = 1 << 30  # bytes of address space to begin with


def read_entries(directory: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield each entry of a copy of a database that nobody else uses, in order."""
    try:
        with (
            closing(lmdb.open(str(directory), readonly=True, lock=False, max_dbs=0)) as env,
            env.begin() as raw,
            raw.cursor() as cursor,
        ):
            yield from cursor
    except lmdb.Error as error:
        raise explain(error, directory) from error


def write_entries(directory: Path, entries: Iterable[tuple[bytes, bytes]]) -> int:
    """Make a database of entries, which come in order; return how many there were.

    It gets its name when it is whole and durable. What an earlier process that was killed left
    goes.
    """
    import shutil  # which loads all compressors

    partial = directory.with_name(f".{directory.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        count = copy_entries(entries, partial, _MAP_SIZE)
        for path in (partial / "data.mdb", partial):
            fsync(path)
        partial.rename(directory)
        fsync(directory.parent)
    except OSError as error:
        raise cannot_write(directory, error) from error
    except lmdb.Error as error:
        raise explain(error, directory) from error
    return count


def fill(directory: Path, entries: Iterable[tuple[bytes, bytes]]) -> int:
    """Make a database of entries, in order, in an empty directory; return how many there were."""
    try:
        count = copy_entries(entries, directory, _MAP_SIZE)
        fsync(directory / "data.mdb")
        fsync(directory)
    except lmdb.Error as error:
        raise explain(error, directory) from error
    return count


def copy_entries(source: Iterable[tuple[bytes, bytes]], directory: Path, map_size: int) -> int:
    """Copy entries, in order, into a new database, durably; return how many there were."""
    count = 0
    env = lmdb.open(str(directory), map_size=map_size, max_dbs=0, sync=False, **for_new(directory))
    try:
        entries = iter(source)
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
