"""What is kept of an archive that is mirrored verbatim, and of the state before that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.database import json_table
from debrepo.package import PackageFile, SetId
from debrepo.packageset import EMPTY
from debrepo.verbatim import TreeFile, VerbatimArchive
from debrepo_mirror import origins
from debrepo_mirror.tables import MIRRORS, below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction
    from debrepo_mirror.mirror import Mirror

NOW, BEFORE = "now", "before"


def _load(fields: dict[str, Any]) -> VerbatimArchive:
    indexes = tuple(PackageFile(*row) for row in fields["indexes"])
    tree = SetId(bytes.fromhex(fields["tree"]))
    return VerbatimArchive(fields["distribution"], fields["releases"], indexes, tree)


def _dump(archive: VerbatimArchive) -> dict[str, Any]:
    rows = [list(file) for file in archive.indexes]
    return {**archive._asdict(), "indexes": rows, "tree": archive.tree.hex()}


#: Keys are made with `tables.below`: the mirror, and `NOW` or `BEFORE`.
VERBATIM = json_table("mirror.verbatim", load=_load, dump=_dump, record=VerbatimArchive)


#: By the name of a snapshot: what it is of, if that is all of a verbatim mirror.
FROZEN = json_table("mirror.frozen", load=_load, dump=_dump, record=VerbatimArchive)


def freeze(txn: Transaction, name: str, set_id: SetId) -> None:
    """Keep the state of the archive that a new snapshot has all packages of."""
    for mirror in txn[MIRRORS].values() if set_id != EMPTY else ():
        archive = current(txn, mirror.name) if mirror.set_id == set_id else None
        if archive is not None:
            txn[FROZEN][name] = archive
            return


def renamed(txn: Transaction, old: str, new: str) -> None:
    """Follow a snapshot to its new name."""
    archive = txn[FROZEN].pop(old, None)
    if archive is not None:
        txn[FROZEN][new] = archive


def _all(txn: Transaction) -> Iterator[VerbatimArchive]:
    yield from txn[VERBATIM].values()
    yield from txn[FROZEN].values()


def states(txn: Transaction, name: str) -> list[VerbatimArchive]:
    """Return what is kept of a mirror's archive, the present state first."""
    found = (txn[VERBATIM].get(below(name, part)) for part in (NOW, BEFORE))
    return [archive for archive in found if archive is not None]


def current(txn: Transaction, name: str) -> VerbatimArchive | None:
    """Return the state of a mirror's archive to publish, if it is a verbatim mirror."""
    mirror = txn[MIRRORS].get(name)
    return txn[VERBATIM].get(below(name, NOW)) if mirror and mirror.verbatim else None


def record(txn: Transaction, mirror: Mirror, archive: VerbatimArchive | None) -> None:
    """Store the new state of an archive, with the mirror; the old one stays for one update."""
    table, name = txn[VERBATIM], mirror.name
    current = table.get(below(name, NOW))
    if archive is None:
        table.discard(below(name, NOW))
        table.discard(below(name, BEFORE))
        return
    if current is not None and current != archive:
        table[below(name, BEFORE)] = current
    table[below(name, NOW)] = archive
    tree = current.tree if current else EMPTY
    added = packageset.diff(txn[CHUNKS], tree, archive.tree).added
    files = [TreeFile.from_entry(entry) for entry in added]
    catalog.keep(txn, [*_small(archive), *(file.sha256 for file in files)])
    if mirror.download == "lazy":
        origins.note_files(txn, mirror, files)


def _small(archive: VerbatimArchive) -> Iterator[str]:
    yield from archive.releases.values()
    for file in archive.indexes:
        yield file.sha256


def live_files(txn: Transaction) -> Iterator[str]:
    """Yield the SHA256 of all files that verbatim mirrors and their snapshots have."""
    for archive in _all(txn):
        yield from _small(archive)
        for entry in packageset.entries(txn[CHUNKS], archive.tree):
            yield TreeFile.from_entry(entry).sha256


def live_sets(txn: Transaction) -> Iterator[SetId]:
    """Yield the sets of package files."""
    for archive in _all(txn):
        yield archive.tree
