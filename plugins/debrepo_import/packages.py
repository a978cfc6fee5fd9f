"""Packages: stored with their files, in batches that survive a crash, before any list has them."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, packageset, remote_files
from debrepo.catalog import CHUNKS, PACKAGES, Known
from debrepo.errors import Conflict, NotFound, VerificationFailed
from debrepo.ingest import threads
from debrepo.package import Entry, Package, PackageKey, SetId, digests, encode, files_hash
from debrepo.packageset import EMPTY
from debrepo.stopping import checkpoint
from debrepo_import import files
from debrepo_import.report import Remark
from debrepo_import.tables import PENDING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from debrepo.database import Transaction
    from debrepo.package import PackageFile
    from debrepo.pool import Pool
    from debrepo.session import Session
    from debrepo_import.files import Way
    from debrepo_import.foreign import ForeignPackage

_BATCH = 2048  # packages that are committed at once


class BroughtPackages(NamedTuple):
    """What has become of packages of another tool."""

    final: dict[Entry, Entry]  #: of those that are here: their entries, by those of the other tool
    packages: int  #: that are new
    files: int  #: that are new
    bytes: int
    remarks: list[Remark]


class _Taken(NamedTuple):
    known: Known
    files: int
    bytes: int


def bring(
    session: Session,
    pool: Pool,
    source: str,
    wanted: Collection[Entry],
    read: Callable[[Sequence[Entry]], Iterable[ForeignPackage | Remark]],
    way: Way = "copy",
) -> BroughtPackages:
    """Store packages that ``read`` yields by their entries; what is here is not read.

    ``source`` names where they come from, such as ``aptly:/srv/aptly``: they are kept for it
    until `settle`. ``pool`` is one that is `reserving`. What cannot be brought is a remark.
    """
    brought = BroughtPackages({}, 0, 0, 0, [])
    items = sorted(wanted)
    counted = iter(session.progress.track("Packages", items, len(items)))
    for start in range(0, len(items), _BATCH):
        checkpoint()
        some = items[start : start + _BATCH]
        there = _there(session, pool, some)
        taken = _take(pool, read, [entry for entry in some if entry not in there], way, brought)
        if taken:
            pool.sync()
        new_files = [digest for one in taken.values() for digest in digests(one.known.record)]
        record_places = remote_files.keep(session, new_files)
        session.db.update(partial(_store, pool, source, there, taken, record_places))
        brought.final.update((entry, entry) for entry in there)
        brought.final.update((entry, one.known.entry) for entry, one in taken.items())
        new = sum(one.files for one in taken.values()), sum(one.bytes for one in taken.values())
        brought = brought._replace(
            packages=brought.packages + len(taken),
            files=brought.files + new[0],
            bytes=brought.bytes + new[1],
        )
        for _ in zip(some, counted, strict=False):
            pass
    return brought


def settle(txn: Transaction, source: str) -> None:
    """Keep the packages of a source no longer: lists have those that are needed."""
    txn[PENDING].discard(source.encode())


def _there(session: Session, pool: Pool, entries: Sequence[Entry]) -> set[Entry]:
    """Return the packages that are stored, and whose files are in the pool."""
    found = set()
    with session.db.read() as txn:
        record_of = txn[PACKAGES].get
        for entry in entries:
            record = record_of(entry)
            if record is not None and all(map(pool.reserve, digests(record))):
                found.add(entry)
        txn.trim()
    return found


def _take(
    pool: Pool,
    read: Callable[[Sequence[Entry]], Iterable[ForeignPackage | Remark]],
    entries: Sequence[Entry],
    way: Way,
    brought: BroughtPackages,
) -> dict[Entry, _Taken]:
    if not entries:
        return {}
    taken: dict[Entry, _Taken] = {}
    waiting: list[ForeignPackage] = []
    for found in read(entries):
        if isinstance(found, Remark):
            brought.remarks.append(found)
        elif all(files.here(pool, file) for file in found.package.files):
            taken[found.package.key.entry] = _finished(found.package, found.package.files, 0, 0)
        else:
            waiting.append(found)

    def make(_: Callable[[], None]) -> Callable[[ForeignPackage], _Taken | Remark]:
        return partial(_take_one, pool, way)

    results = threads.in_order(make, waiting, os.cpu_count() or 1) if waiting else ()
    for one, result in zip(waiting, results, strict=True):
        if isinstance(result, Remark):
            brought.remarks.append(result)
        else:
            taken[one.package.key.entry] = result
    return taken


def _take_one(pool: Pool, way: Way, found: ForeignPackage) -> _Taken | Remark:
    whole: list[PackageFile] = []
    count = size = 0
    try:
        for file, path in zip(found.package.files, found.paths, strict=True):
            if files.here(pool, file):
                whole.append(file)
                continue
            whole.append(files.take(pool, file, path, way))
            count, size = count + 1, size + file.size
    except NotFound as error:
        return Remark("missing", f"package {found.package.key.display}", str(error))
    except VerificationFailed as error:
        return Remark("damaged", f"package {found.package.key.display}", str(error))
    return _finished(found.package, whole, count, size)


def _finished(package: Package, whole: Sequence[PackageFile], count: int, size: int) -> _Taken:
    key = package.key if package.key.hash else package.key._replace(hash=files_hash(whole))
    known = Known(key.entry, encode(Package(key, package.kind, package.stanza, tuple(whole))), b"")
    return _Taken(known, count, size)


def _store(
    pool: Pool,
    source: str,
    there: set[Entry],
    taken: dict[Entry, _Taken],
    record_places: Callable[[Transaction], None],
    txn: Transaction,
) -> None:
    record_places(txn)
    for entry in there:
        record = txn[PACKAGES].get(entry)
        if record is None:
            raise _gone(entry)
        catalog.keep(txn, digests(record))
    for one in taken.values():
        if not all(digest in pool for digest in digests(one.known.record)):
            raise _gone(one.known.entry)
    stored = txn[PACKAGES]
    catalog.add(txn, [one.known for one in taken.values() if one.known.entry not in stored])
    name = source.encode()
    held = packageset.update(
        txn[CHUNKS],
        SetId(txn[PENDING].get(name, EMPTY)),
        add=[*there, *(one.known.entry for one in taken.values())],
    )
    txn[PENDING][name] = held


def _gone(entry: bytes) -> Conflict:
    key = PackageKey.from_entry(entry)
    return Conflict(f"a cleanup has removed {key.display} during the import", hint="run it again")
