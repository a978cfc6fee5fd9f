"""Keeping what clients of a lazy mirror ask for first: Release files and indexes, as they came."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from debrepo import catalog
from debrepo.archive import Digests
from debrepo_mirror.tables import RELEASES, below, parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from debrepo.database import Transaction
    from debrepo_mirror.cache import HeldIndex
    from debrepo_mirror.surveying import ReadArchive
    from debrepo_mirror.work import UpdateWork

#: What the name of a Release file begins with that was current until the last update.
BEFORE = "before/"


def put(work: UpdateWork, archive: ReadArchive) -> dict[str, tuple[str, ...]]:
    """Put Release files and indexes of a lazy mirror into the pool, byte for byte.

    Return, by the name of the Release file, its SHA256 and those of all that it lists.
    """
    if work.mirror.download != "lazy" or work.mirror.verbatim:
        return {}
    release = archive.release
    copy(work, archive)
    found = {}
    listing = tuple(sorted({file.sha256 for file in release.files.values() if file.sha256}))
    for name, data in release.raw.items():
        digest = hashlib.sha256(data).hexdigest()
        work.pool.put(digest, data)
        found[name] = (digest, *listing)
    work.pool.sync()
    return found


def copy(work: UpdateWork, archive: ReadArchive) -> None:
    """Put the indexes that were read into the pool, where they are those of the archive."""
    for one in archive.surveyed:
        checksum, _ = archive.checksums[one.read.path]
        held = work.cache.find(one.read, checksum)
        listed = archive.release.files.get(one.read.path + held.suffix) if held else None
        if held and listed and listed.sha256:
            _copy(work, held, listed.sha256)


def _copy(work: UpdateWork, held: HeldIndex, expected: str) -> None:
    digests = Digests()
    with held.path.open("rb") as source, work.pool.stage(source) as staged:
        for _ in digests.through(staged):
            pass
        if digests.file("").sha256 == expected:  # else the archive compresses it anew
            staged.place(expected)


def record(txn: Transaction, name: str, found: Mapping[str, tuple[str, ...]]) -> None:
    """Store what `put` has returned, with the mirror; what was current stays for one update."""
    table = txn[RELEASES]
    known = dict(parts(table, name))
    current = {part: value for part, value in known.items() if not part.startswith(BEFORE)}
    if current != found:
        for part in known:
            del table[below(name, part)]
        for part, value in current.items() if found else ():
            table[below(name, BEFORE + part)] = value
    for part, value in found.items():
        table[below(name, part)] = value
        catalog.keep(txn, value)


def live(txn: Transaction) -> Iterator[str]:
    """Yield the SHA256 of all that clients of lazy mirrors may ask for besides packages."""
    for value in txn[RELEASES].values():
        yield from value
