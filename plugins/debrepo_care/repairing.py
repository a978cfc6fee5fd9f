"""Repair: pool files that are lost or damaged, fetched from wherever else they are."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, remote_files
from debrepo.catalog import PACKAGES
from debrepo.errors import DatabaseError, InvalidInput, NotFound
from debrepo.package import PackageKey, decode
from debrepo.recovery import LostFiles
from debrepo.stopping import checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debrepo.database import Transaction
    from debrepo.session import Session

_BLOCK = 1 << 18


class _Needed(NamedTuple):
    name: str  #: what to call it: its package and its file
    size: int  #: -1 if that is not known


class RepairedFile(NamedTuple):
    """A file that was lost or damaged, and where it was found; empty: nowhere."""

    sha256: str
    name: str
    fault: str
    found: str


class PoolRepair(NamedTuple):
    """What was wrong with the pool, and what became of it."""

    files: list[RepairedFile]
    looked: list[str]  #: the places where somebody looked
    failed: list[str]  #: what could not be read there

    @property
    def lost(self) -> list[RepairedFile]:
        """What could not be found."""
        return [one for one in self.files if not one.found]


def repair(
    session: Session, places: Sequence[Path], *, deep: bool = False, dry_run: bool = False
) -> PoolRepair:
    """Find what is lost or damaged, and bring it back; with ``dry_run`` only name it.

    Directories given as ``places`` are searched first, then plugins are asked. With ``deep``
    every file is read; without, those are found that are missing or have another size.
    """
    for place in places:
        if not os.path.isdir(place):  # noqa: PTH112  # no error for an odd name
            raise InvalidInput(f"{place} is not a directory", hint="name a root, a pool or a tree")
    needed = _needed(session)
    faults = dict(_faults(session, needed, deep=deep))
    looked: list[str] = []
    failed: list[str] = []
    found: dict[str, str] = {}
    if faults and not dry_run:
        with session.pool.reserving() as pool:
            lost = LostFiles(pool, faults)
            for place in places:
                _search(lost, place, needed)
            if lost.missing:
                session.hook.debrepo_recover_files(session=session, lost=lost)
            pool.sync()
        found, looked, failed = lost.found, lost.looked, lost.failed
    files = [
        RepairedFile(digest, needed[digest].name, fault, found.get(digest, ""))
        for digest, fault in faults.items()
    ]
    return PoolRepair(files, looked, failed)


def _needed(session: Session) -> dict[str, _Needed]:
    """Return the files that packages and plugins need to be in the pool, by their SHA256."""
    with session.db.read() as txn:
        found = {
            digest: _Needed("a file of no package", -1)  # such as an index of a mirror
            for batch in session.hook.debrepo_live_files(txn=txn)
            for digest in batch
        }
        found.update(_of_packages(txn))
        for digest in remote_files.known(session.hook, txn):
            if digest not in session.pool:
                found.pop(digest, None)  # it is fetched when it is needed
    return found


def _of_packages(txn: Transaction) -> Iterator[tuple[str, _Needed]]:
    for number, entry in enumerate(catalog.find(txn), 1):
        if not number % 4096:
            txn.trim()
        key = PackageKey.from_entry(entry)
        with suppress(Exception):  # "db check" names a damaged record
            for file in decode(key, txn[PACKAGES][entry]).files:
                yield file.sha256, _Needed(f"{key.display}: {file.name}", file.size)


def _faults(
    session: Session, needed: dict[str, _Needed], *, deep: bool
) -> Iterator[tuple[str, str]]:
    tracked = session.progress.track("Checking files", sorted(needed), total=len(needed))
    for digest in tracked:
        checkpoint()
        if fault := _fault(session, digest, needed[digest].size, deep=deep):
            yield digest, fault


def _fault(session: Session, digest: str, expected: int, *, deep: bool) -> str:
    try:
        size = session.pool.size(digest)
    except NotFound:
        return "is missing" if expected >= 0 else ""  # it may never have come
    except DatabaseError as error:
        return str(error)
    if expected >= 0 and size != expected:
        return f"has {size} bytes, and not {expected}"
    return "is damaged" if deep and session.pool.check(digest) else ""


def _search(lost: LostFiles, place: Path, needed: dict[str, _Needed]) -> None:
    """Look in a root, a pool, or any other directory: by name where files have their digests."""
    lost.look(str(place))
    for pool in (place / "pool", place):
        for digest in sorted(lost.missing):
            file = pool / digest[:2] / digest[2:]
            if file.is_file():
                _take(lost, digest, file)
    sizes = {needed[digest].size for digest in lost.missing}
    for file in _files(place) if sizes else ():
        checkpoint()
        try:
            if -1 in sizes or file.stat().st_size in sizes:
                digest = _sha256(file)
                if digest in lost.missing:
                    _take(lost, digest, file)
        except OSError as error:
            lost.fail(f"{file}: {error.strerror}")
        if not lost.missing:
            return


def _files(place: Path) -> Iterator[Path]:
    for directory, below, names in os.walk(place):
        below.sort()
        for name in sorted(names):
            path = Path(directory, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(file):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(_BLOCK):
            yield piece


def _take(lost: LostFiles, digest: str, file: Path) -> None:
    try:
        lost.take(digest, _pieces(file), str(file))
    except OSError as error:
        lost.fail(f"{file}: {error.strerror}")
