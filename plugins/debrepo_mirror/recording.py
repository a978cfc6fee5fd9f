"""Recording: new packages in batches that survive a crash, and then the list, in one step."""

from __future__ import annotations

from collections import ChainMap
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from debrepo import catalog, packageset, remote_files
from debrepo.acceptance import checking
from debrepo.arrival import Arrival
from debrepo.catalog import CHUNKS, PACKAGES, Known
from debrepo.errors import Conflict, InvalidPackage
from debrepo.notices import tell
from debrepo.package import Entry, PackageKey, decode, digests, files_hashes, with_files
from debrepo.packageset import EMPTY
from debrepo_mirror import keeping, mirrors, origins
from debrepo_mirror.tables import (
    PENDING,
    PROBLEMS,
    STATE,
    ArchiveFault,
    IndexState,
    below,
    parts,
)
from debrepo_mirror.verbatim import kept

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from debrepo.database import Transaction
    from debrepo.package import PackageFile
    from debrepo.pool import Pool
    from debrepo.session import Session
    from debrepo.verbatim import VerbatimArchive
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.upstream.stanzas import Offered

#: Packages committed at once.
BATCH = 2048
_KEPT = 8192  # packages that are known already, and are looked at again in one transaction


class Outline(NamedTuple):
    """What an update is about to store: the mirror, and all that is known of it."""

    mirror: Mirror
    states: Mapping[str, IndexState]  #: by the path of the index
    faults: Sequence[ArchiveFault]
    chunks: Mapping[bytes, bytes]  #: of the sets, as far as they are new
    added: frozenset[Entry]
    removed: frozenset[Entry]
    kept: Mapping[str, tuple[str, ...]]  #: what `keeping.put` has returned
    reused: frozenset[str]  #: indexes that were not read: what was wrong in them still is
    verbatim: VerbatimArchive | None = None  #: what is kept of the archive as it is


class WholePackage(NamedTuple):
    """A package on its way into the database, whose files are known."""

    entry: Entry  #: the provisional one
    record: bytes  #: as the spool has it
    files: Sequence[PackageFile]


def finished(packages: Sequence[WholePackage]) -> dict[Entry, Known]:
    """Return packages as the database takes them, by their provisional entries."""
    hashes = files_hashes([package.files for package in packages])
    found: dict[Entry, Known] = {}
    for (entry, record, files), text in zip(packages, hashes, strict=True):
        final = Entry(packageset.short(entry) + text.encode())
        known = final, with_files(record, files), b""
        found[entry] = tuple.__new__(Known, known)  # calling it takes longer
    return found


class StoredBatch(NamedTuple):
    """What became of packages on their way into a mirror."""

    final: Mapping[Entry, Entry]  #: their entries, by the provisional ones
    faults: Sequence[ArchiveFault] = ()
    refused: frozenset[Entry] = frozenset()  #: what other plugins keep out


def record(
    session: Session,
    pool: Pool,
    mirror: Mirror,
    batch: Mapping[Entry, Known],
    found: Collection[str] = (),
) -> StoredBatch:
    """Store packages whose files are in the pool; until the list has them, they are pending.

    Of their files those were ``found`` there, by SHA256, and may be gone: the others were put.
    """
    if not batch:
        return StoredBatch({})
    pool.sync()
    needed = [digest for known in batch.values() for digest in digests(known.record)]
    note_places = remote_files.keep(session, needed)

    def change(txn: Transaction) -> StoredBatch:
        note_places(txn)
        if pool.lacking(found):
            raise Conflict(
                "files were taken out of the pool while they were being mirrored",
                hint=f'run "debrepo mirror update {mirror.name}" again',
            )
        return _store(session, txn, mirror, batch)

    return session.db.update(change)


def record_lazily(
    session: Session,
    mirror: Mirror,
    batch: Mapping[Entry, Known],
    offered: Sequence[Offered],
) -> StoredBatch:
    """Store packages whose files are fetched later, and where these are."""

    def change(txn: Transaction) -> StoredBatch:
        origins.note(txn, mirror, offered)
        return _store(session, txn, mirror, batch)

    return session.db.update(change)


def _store(
    session: Session, txn: Transaction, mirror: Mirror, batch: Mapping[Entry, Known]
) -> StoredBatch:
    """Store those packages that the database does not have, and keep all of them alive."""
    faults: list[ArchiveFault] = []
    new: list[Known] = []
    final: dict[Entry, Entry] = {}
    check, stored = _checking(session, txn, mirror), txn[PACKAGES]
    for offered, known in batch.items():
        if check and (fault := check(known.entry, known.record)):
            faults.append(fault)
            continue
        final[offered] = known.entry
        if known.entry not in stored:
            new.append(known)
    catalog.add(txn, new)
    _hold(txn, mirror.name, final.values())
    return StoredBatch(final, faults)


def _hold(txn: Transaction, name: str, entries: Iterable[Entry]) -> None:
    """Keep packages alive until the list of a mirror has them."""
    pending = txn[PENDING].get(name, EMPTY)
    txn[PENDING][name] = packageset.update(txn[CHUNKS], pending, add=entries)


def _checking(
    session: Session, txn: Transaction, mirror: Mirror
) -> Callable[[Entry, bytes], ArchiveFault | None] | None:
    """Return what says why another plugin keeps a package out; ``None`` if they take all."""
    ask, arrival = checking(session, txn, mirror.package_list()), Arrival(f"mirror:{mirror.name}")
    if ask is None:
        return None

    def check(entry: Entry, record: bytes) -> ArchiveFault | None:
        package = decode(PackageKey.from_entry(entry), record)
        try:
            ask(package, arrival)
        except InvalidPackage as error:
            return ArchiveFault("policy", package.key.display, str(error))
        return None

    return check


def keep(
    session: Session,
    pool: Pool,
    mirror: Mirror,
    found: Mapping[Entry, Entry],
    offered: Callable[[Entry], Offered],
) -> StoredBatch:
    """Keep packages alive that the database has, and whose files are here, as `record` does.

    Of a lazy mirror the files need not be here; where they are is stored, as in `record_lazily`.
    """
    kept: dict[Entry, Entry] = {}
    faults: list[ArchiveFault] = []
    refused: set[Entry] = set()
    items = sorted(found.items(), key=lambda item: item[1])
    for start in range(0, len(items), _KEPT):
        some = items[start : start + _KEPT]
        stored = session.db.update(partial(_keep, session, pool, mirror, some, offered))
        kept.update(stored.final)
        faults += stored.faults
        refused |= stored.refused
    return StoredBatch(kept, faults, frozenset(refused))


def _keep(
    session: Session,
    pool: Pool,
    mirror: Mirror,
    some: Sequence[tuple[Entry, Entry]],
    offered: Callable[[Entry], Offered],
    txn: Transaction,
) -> StoredBatch:
    kept: dict[Entry, Entry] = {}
    faults: dict[Entry, ArchiveFault] = {}
    check = _checking(session, txn, mirror)
    records = {stored: record for _, stored in some if (record := txn[PACKAGES].get(stored))}
    pool.reserve_ahead({digest for record in records.values() for digest in digests(record)})
    for entry, stored in some:
        record = records.get(stored)
        if record is None:
            continue
        files = digests(record)
        here = [pool.reserve(digest) for digest in files]
        if mirror.download != "lazy" and not all(here):
            continue
        if check and (fault := check(stored, record)):
            faults[entry] = fault
            continue
        catalog.keep(txn, files)
        kept[entry] = stored
    if mirror.download == "lazy":
        origins.note(txn, mirror, map(offered, kept))
    _hold(txn, mirror.name, kept.values())
    return StoredBatch(kept, tuple(faults.values()), frozenset(faults))


def staging(txn: Transaction) -> ChainMap[bytes, bytes]:
    """Return a store in whose first map new chunks are, until they are committed."""
    return ChainMap({}, txn[CHUNKS])


def commit(session: Session, before: Mirror, outline: Outline) -> Mirror:
    """Change the list of a mirror, in one transaction; tell the other plugins afterwards."""

    def change(txn: Transaction) -> Mirror:
        return _commit(session, txn, before, outline)

    return session.db.update(change)


def _commit(session: Session, txn: Transaction, before: Mirror, outline: Outline) -> Mirror:
    mirror = outline.mirror
    if mirrors.get(txn, before.name) != before:
        raise Conflict(
            f"mirror {before.name} has changed while it was being updated",
            hint=f'run "debrepo mirror update {before.name}" again',
        )
    store = txn[CHUNKS]
    for digest, chunk in outline.chunks.items():
        store[digest] = chunk
    sets = {mirror.set_id, *(state.set_id for state in outline.states.values())}
    sets.update(state.tree for state in outline.states.values())
    sets.update([outline.verbatim.tree] if outline.verbatim else ())
    if not all(packageset.is_whole(store, set_id) for set_id in sets):
        raise Conflict(
            f"a cleanup has removed what mirror {before.name} was being made of",
            hint=f'run "debrepo mirror update {before.name}" again',
        )
    mirrors.put(txn, mirror)
    _replace(txn, mirror.name, outline)
    keeping.record(txn, mirror.name, outline.kept)
    kept.record(txn, mirror, outline.verbatim)
    txn[PENDING].discard(mirror.name)
    if mirror.set_id != before.set_id:
        txn.after_commit(
            lambda: tell(
                session,
                "debrepo_packages_changed",
                target=mirror.package_list(),
                before=before.set_id,
                added=outline.added,
                removed=outline.removed,
            )
        )
    return mirror


def _replace(txn: Transaction, name: str, outline: Outline) -> None:
    """Store what is known of the indexes, in the place of what was."""
    for part, _ in list(parts(txn[STATE], name)):
        if part not in outline.states:
            del txn[STATE][below(name, part)]
    for part, state in outline.states.items():
        txn[STATE][below(name, part)] = state
    known = list(parts(txn[PROBLEMS], name))
    kept = [fault for _, fault in known if fault.where in outline.reused]
    for part, _ in known:
        del txn[PROBLEMS][below(name, part)]
    for number, fault in enumerate([*kept, *outline.faults]):
        txn[PROBLEMS][below(name, f"{number:08}")] = fault
