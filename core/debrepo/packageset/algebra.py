"""Set algebra that costs what differs: equal chunks are never read."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from debrepo.packageset.lookup import Lookup
from debrepo.packageset.tree import (
    Chunk,
    Store,
    _read,
    ahead,
    below,
    build,
    chunks,
    each_entries,
    find,
    group,
    short,
    update,
)
from debrepo.values import NamedTuple
from debrepo.version import sort_key

_FEW = 256  # chunks of both sides that are read together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.package import Entry, SetId


class Difference(NamedTuple):
    """What two sets do not share; both sides are sorted."""

    removed: list[Entry]  #: only in the first
    added: list[Entry]  #: only in the second


def diff(store: Store, old: SetId, new: SetId) -> Difference:
    """Compare two sets, reading only the nodes and chunks that are not in both."""
    left, right = unshared(store, old, new)
    if len(left) + len(right) <= _FEW:
        ahead(store, (chunk.hash for chunk in (*left, *right)))
    ours = {entry for entries in each_entries(store, left) for entry in entries}
    theirs = {entry for entries in each_entries(store, right) for entry in entries}
    return Difference(sorted(ours - theirs), sorted(theirs - ours))


def unshared(store: Store, old: SetId, new: SetId) -> tuple[list[Chunk], list[Chunk]]:
    """Return the chunks of each set that the other does not have, reading none of them."""
    if old == new:
        return [], []
    ahead(store, (old, new))
    left_level, left = _read(store, old)
    right_level, right = _read(store, new)
    while True:
        if left_level == right_level:
            shared = {chunk.hash for chunk in left} & {chunk.hash for chunk in right}
            left = [chunk for chunk in left if chunk.hash not in shared]
            right = [chunk for chunk in right if chunk.hash not in shared]
            if left_level == 1:
                return left, right
        deeper = max(left_level, right_level)
        if left_level == right_level:
            ahead(store, (node.hash for node in (*left, *right)))
        if left_level == deeper:
            left_level, left = deeper - 1, below(store, left)
        if right_level == deeper:
            right_level, right = deeper - 1, below(store, right)


def union(store: Store, left: SetId, right: SetId) -> SetId:
    """Return the set of what is in either."""
    return update(store, left, add=diff(store, left, right).added)


def intersection(store: Store, left: SetId, right: SetId) -> SetId:
    """Return the set of what is in both."""
    return update(store, left, remove=diff(store, left, right).removed)


def difference(store: Store, left: SetId, right: SetId) -> SetId:
    """Return the set of what is in ``left`` and not in ``right``."""
    return build(store, diff(store, left, right).removed)


def merge(store: Store, left: SetId, right: SetId) -> SetId:
    """Return ``left`` with every package of ``right`` in the versions that ``right`` has.

    A package here is a name and an architecture. What ``right`` does not have stays.
    """
    removed, added = diff(store, left, right)
    return update(
        store, left, add=added, remove=[e for e in removed if _any(find(store, right, group(e)))]
    )


def _any(found: Iterator[Entry]) -> bool:
    return next(found, None) is not None


def merge_latest(store: Store, left: SetId, right: SetId) -> SetId:
    """Return the newest version of every name and architecture that is in either set.

    Of one version with different bytes, what ``right`` has stays.
    """
    if left == right:
        return latest(store, left)
    here = Lookup(store, left)
    newest: list[Entry] = []
    older: list[Entry] = []
    coming = diff(store, left, right).added
    here.expect(entry[: entry.index(b"\0")] for entry in coming)
    for key, offered in groupby(coming, group):
        ours = [e for e in here.named(key[: key.index(b"\0")]) if e.startswith(key)]
        by_version = {short(entry): entry for entry in (*ours, *offered)}
        newest.append(_newest(by_version.values()))
        older += ours
    return latest(store, update(store, left, add=newest, remove=older))


def latest(store: Store, set_id: SetId) -> SetId:
    """Return the set of the newest version of every name and architecture.

    Reads only the chunks that hold more than one version of something. Of several
    packages of one version, the last in order stays.
    """
    older: list[Entry] = []
    for _, several in groupby(_repeated(store, set_id), group):
        entries = list(several)
        if len(entries) > 1:
            entries.remove(_newest(entries))
            older += entries
    return update(store, set_id, remove=older)


def _newest(entries: Iterable[Entry]) -> Entry:
    """Return the entry with the newest version; of equal ones, the last in order."""
    return max(entries, key=lambda entry: (_version_key(entry), entry))


def _repeated(store: Store, set_id: SetId) -> Iterator[Entry]:
    """Yield the entries of the chunks that may hold several versions of something."""
    found = chunks(store, set_id)
    wanted = {chunk.hash for chunk in found if chunk.repeats}
    for before, after in pairwise(found):
        if group(before.last) == group(after.first):
            wanted |= {before.hash, after.hash}
    for entries in each_entries(store, [chunk for chunk in found if chunk.hash in wanted]):
        yield from entries


def _version_key(entry: bytes) -> bytes:
    return sort_key(entry.split(b"\0", 3)[2].decode())


def merge_three_way(store: Store, base: SetId, ours: SetId, theirs: SetId) -> SetId:
    """Return ``ours`` with the changes that led from ``base`` to ``theirs``.

    This is how a writer keeps what another one has committed meanwhile.
    """
    removed, added = diff(store, base, theirs)
    return update(store, ours, add=added, remove=removed)
