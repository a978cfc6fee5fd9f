"""Assembling: the sets of a mirror and of its indexes, made of those that they were before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import packageset
from debrepo.package import Entry, PackageKey
from debrepo.packageset import EMPTY
from debrepo_mirror import recording
from debrepo_mirror.tables import ArchiveFault, IndexState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debrepo.package import SetId
    from debrepo.verbatim import TreeFile
    from debrepo_mirror.surveying import ReadArchive
    from debrepo_mirror.work import UpdateWork


class Assembled(NamedTuple):
    """The new state of a mirror, ready to be stored."""

    set_id: SetId
    size: int  #: in packages
    states: Mapping[str, IndexState]
    #: Of the indexes that were read, what is in their sets, with the digests of the stanzas.
    members: Mapping[str, Sequence[tuple[bytes, Entry]]]
    chunks: Mapping[bytes, bytes]
    added: Sequence[Entry]
    removed: Sequence[Entry]
    faults: Sequence[ArchiveFault]
    tree: SetId  #: of a verbatim mirror, its package files by their paths


def assemble(
    work: UpdateWork,
    archive: ReadArchive,
    chosen: frozenset[Entry],
    final: Mapping[Entry, Entry],
    files: Mapping[str, Sequence[TreeFile]],
) -> Assembled:
    """Return the sets of the indexes and of the mirror; ``final`` has the entries of what is new.

    What is chosen, and provisional, and not among ``final``, could not be fetched.
    """
    states = dict(archive.states)
    members: dict[str, Sequence[tuple[bytes, Entry]]] = {}
    choosy = work.mirror.is_choosy
    with work.session.db.read() as txn:
        store = recording.staging(txn)
        for one in archive.surveyed:
            path = one.read.path
            checksum, size = archive.checksums[path]
            before = work.states.get(path)
            base = before.set_id if before else EMPTY
            new = {entry: final[entry] for _, entry in one.fresh if entry in final}
            known = [pair for pair in one.known if not choosy or pair[1] in chosen]
            if one.known and not choosy:
                set_id = packageset.update(store, base, add=new.values(), remove=one.gone)
            else:
                found = {entry for _, entry in known}.union(new.values())
                set_id = _updated(store, base, found)
            tree = packageset.build(store, sorted(file.entry for file in set(files.get(path, ()))))
            number = packageset.count(store, set_id)
            states[path] = IndexState(checksum, size, set_id, number, tree)
            fresh = [(digest, new[entry]) for digest, entry in one.fresh if entry in new]
            members[path] = [*known, *fresh]
        sets = [(path, state.set_id) for path, state in states.items()]
        set_id, faults = _joined(store, sets)
        if choosy:  # what pins keep although it is listed nowhere
            offered = {entry for one in archive.surveyed for entry in one.entries}
            kept = [e for e in chosen if e not in offered]
            set_id = packageset.update(store, set_id, add=kept)
        difference = packageset.diff(store, work.before.set_id, set_id)
        size = packageset.count(store, set_id)
        tree, twice = _tree(store, [state.tree for state in states.values()])
        chunks = dict(store.maps[0])
    name = archive.release.name
    if name:
        states[name] = IndexState(archive.release.digest)
    return Assembled(
        set_id,
        size,
        states,
        members,
        chunks,
        difference.added,
        difference.removed,
        [*faults, *twice],
        tree,
    )


def _tree(store: packageset.Store, trees: Sequence[SetId]) -> tuple[SetId, list[ArchiveFault]]:
    """Return the union of trees; of one path with several files, the first one comes in."""
    total = EMPTY
    for tree in trees:
        total = packageset.union(store, total, tree)
    faults, taken = [], []
    last = b""
    for entry in packageset.entries(store, total):
        path = entry[: entry.index(b"\0")]
        if path == last:
            taken.append(entry)
            name = path.decode(errors="replace")
            faults.append(ArchiveFault("several indexes", name, "it is listed as different files"))
        last = path
    return packageset.update(store, total, remove=taken) if taken else total, faults


def _updated(store: packageset.Store, before: SetId, found: set[Entry]) -> SetId:
    present = set(packageset.entries(store, before))
    return packageset.update(store, before, add=found - present, remove=present - found)


def _joined(
    store: packageset.Store, sets: Sequence[tuple[str, SetId]]
) -> tuple[SetId, list[ArchiveFault]]:
    """Return the union of sets; of one version with several bytes, the first one comes in."""
    total = EMPTY
    faults: list[ArchiveFault] = []
    for path, set_id in sets:
        if total == EMPTY:
            total = set_id
            continue
        added = packageset.diff(store, total, set_id).added
        taken = packageset.conflicts(store, total, added)
        for entry, other in taken.items():
            if entry != other:
                display = PackageKey.from_entry(entry).display
                text = f"{path} lists it with other files than an index before it"
                faults.append(ArchiveFault("several indexes", display, text))
        total = packageset.update(store, total, add=[e for e in added if e not in taken])
    return total, faults
