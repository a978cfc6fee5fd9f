"""The tree below a package set: cutting, storing and reading its chunks."""

from __future__ import annotations

from _blake2 import blake2b  # hashlib would load OpenSSL for it
from bisect import bisect_left, bisect_right
from itertools import pairwise
from struct import Struct
from typing import TYPE_CHECKING, TypeAlias
from zlib import crc32

from debrepo.package import Entry, SetId
from debrepo.stopping import checkpoint
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableMapping, Sequence
    from collections.abc import Set as AbstractSet

Store: TypeAlias = "MutableMapping[bytes, bytes]"

_BITS = 8  # a cut every 2**8 entries, on average
_MASK = (1 << _BITS) - 1
_LEVELS = 32 // _BITS  # what a CRC-32 has bits for; the last level is never cut
_HEAD = Struct(">16sIIHH")  # hash, entries, repeats, lengths of the first and the last entry
_LEAF, _NODE = b"L", b"N"
_FEW = 32  # changes of a chunk that take less time one by one
_FIRST = 8  # chunks to read at a time where the caller may want no more
_AHEAD = 256  # chunks to read at a time


class Chunk(NamedTuple):
    """A reference to a chunk, or to a node above chunks, with what is known of it unread."""

    first: bytes
    last: bytes
    size: int  #: in entries
    repeats: int  #: entries of the same name and architecture as the one before, inside
    hash: bytes


def group(entry: bytes) -> bytes:
    """Return what the versions of one package share: name and architecture, and two NULs."""
    name, architecture, _ = entry.split(b"\0", 2)
    return name + b"\0" + architecture + b"\0"


def _cut(entry: bytes, level: int) -> bool:
    """Tell whether a chunk of ``level`` starts at ``entry``, wherever it stands."""
    key = entry[: entry.rindex(b"\0")]
    return level < _LEVELS and not crc32(key) >> (_BITS * level) & _MASK


def _put(store: Store, data: bytes) -> bytes:
    digest = blake2b(data, digest_size=16).digest()
    put_new = getattr(store, "put_new", store.setdefault)
    put_new(digest, data)
    return digest


def ahead(store: Store, hashes: Iterable[bytes]) -> None:
    """Fetch what is about to be read in one round trip, if the store is one that is far away."""
    preload = getattr(store, "preload", None)
    if preload is not None:
        preload(hashes)


def _leaf(store: Store, items: Sequence[bytes]) -> Chunk:
    repeats = 0
    if len({entry[: entry.index(b"\0")] for entry in items}) < len(items):
        groups = [group(entry) for entry in items]
        repeats = sum(a == b for a, b in pairwise(groups))
    digest = _put(store, _LEAF + b"\n".join(items))
    return Chunk(items[0], items[-1], len(items), repeats, digest)


def _node(store: Store, level: int, children: Sequence[Chunk]) -> Chunk:
    parts = [_NODE, bytes([level])]
    for first, last, size, repeats, digest in children:
        parts += (_HEAD.pack(digest, size, repeats, len(first), len(last)), first, last)
    digest = _put(store, b"".join(parts))
    if not children:
        return Chunk(b"", b"", 0, 0, digest)
    total = sum(child.size for child in children)
    inside = sum(child.repeats for child in children)
    between = sum(group(a.last) == group(b.first) for a, b in pairwise(children))
    return Chunk(children[0].first, children[-1].last, total, inside + between, digest)


_NOTHING = _NODE + b"\1"
EMPTY = SetId(blake2b(_NOTHING, digest_size=16).digest())  #: the set of no packages


def _node_of(store: Store, digest: bytes) -> bytes:
    data = store[digest] if digest != EMPTY else _NOTHING
    if data[:1] != _NODE:
        raise ValueError(f"{digest.hex()} is not a package set")
    return data


def _read(store: Store, digest: bytes) -> tuple[int, list[Chunk]]:
    """Return the level of a node above chunks, and what is below it."""
    checkpoint()
    data = _node_of(store, digest)
    found, position = [], 2
    while position < len(data):
        child, size, repeats, first, last = _HEAD.unpack_from(data, position)
        position += _HEAD.size
        middle = position + first
        end = middle + last
        found.append(Chunk(data[position:middle], data[middle:end], size, repeats, child))
        position = end
    return data[1], found


def entries_of(store: Store, chunk: bytes) -> list[Entry]:
    """Return the entries of the chunk with this hash."""
    checkpoint()
    return store[chunk][1:].split(b"\n")  # type: ignore[return-value]  # entries went in


def chunks(store: Store, set_id: SetId) -> list[Chunk]:
    """Return the chunks of a set, in order, reading none of them."""
    level, found = _read(store, set_id)
    for _ in range(level - 1):
        found = below(store, found)
    return found


def below(store: Store, found: Iterable[Chunk]) -> list[Chunk]:
    """Return what is below some nodes of one level."""
    nodes = list(found)
    ahead(store, (node.hash for node in nodes))
    return [chunk for node in nodes for chunk in _read(store, node.hash)[1]]


def each_entries(store: Store, found: Sequence[Chunk]) -> Iterator[list[Entry]]:
    """Yield the entries of each of some chunks."""
    position, size = 0, _FIRST
    while batch := found[position : position + size]:
        ahead(store, (chunk.hash for chunk in batch))
        for chunk in batch:
            yield entries_of(store, chunk.hash)
        position, size = position + size, min(2 * size, _AHEAD)


def assemble(store: Store, found: list[Chunk]) -> SetId:
    """Store the levels above a set's chunks and return the hash of the one at the top."""
    level = 1
    while True:
        runs = _runs(found, level)
        nodes = [_node(store, level, run) for run in runs] or [_node(store, level, [])]
        if len(nodes) == 1:
            return SetId(nodes[0].hash)
        level, found = level + 1, nodes


def _runs(found: Sequence[Chunk], level: int) -> Iterator[Sequence[Chunk]]:
    starts = [i for i, chunk in enumerate(found) if i and _cut(chunk.first, level)]
    for start, stop in pairwise([0, *starts, len(found)]):
        if start < stop:
            yield found[start:stop]


def leaves(store: Store, items: Sequence[bytes]) -> list[Chunk]:
    """Store the chunks of a run of sorted entries."""
    starts = [i for i, e in enumerate(items) if not crc32(e[: e.rindex(b"\0")]) & _MASK and i]
    bounds = pairwise([0, *starts, len(items)])
    return [_leaf(store, items[start:stop]) for start, stop in bounds if start < stop]


def runs(items: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """Split sorted entries, too many to hold, where no chunk runs across.

    `leaves` of each run, joined, are the chunks of a set; `assemble` makes it one.
    """
    run: list[bytes] = []
    for item in items:
        if len(run) >= size and _cut(item, 0):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def build(store: Store, items: Iterable[bytes]) -> SetId:
    """Store the set of these entries, given in any order, and return its id."""
    return assemble(store, leaves(store, sorted(set(items))))


def update(
    store: Store, set_id: SetId, *, add: Iterable[bytes] = (), remove: Iterable[bytes] = ()
) -> SetId:
    """Return the id of the set less ``remove``, plus ``add``; an entry in both is in.

    Reads and writes the chunks that change, and the list of chunks.
    """
    adding = set(add)
    removing = set(remove) - adding
    if not adding and not removing:
        return set_id
    old = chunks(store, set_id)
    if not old:
        return build(store, adding)
    firsts = [chunk.first for chunk in old]
    changed: dict[int, set[bytes]] = {}
    for entry in adding | removing:
        changed.setdefault(max(bisect_right(firsts, entry) - 1, 0), set()).add(entry)
    ahead(store, (old[index].hash for index in changed))
    new: list[Chunk] = []
    done = -1  # the last old chunk that is in ``new``, or gone
    pending: list[bytes] = []  # the entries of the run being rewritten
    cuts: list[bytes] = []  # those of them that may start a chunk
    for index in sorted(changed):
        if done < index - 1:
            new += _leaves(store, pending, cuts)
            pending, cuts = [], []
            new += old[done + 1 : index]
        touched = changed[index]
        added = touched & adding
        items = _changed([*entries_of(store, old[index].hash)], added, touched & removing)
        if not pending and new and items and not _cut(items[0], 0):
            pending = list(entries_of(store, new.pop().hash))
        pending += items
        cuts += (old[index].first, *added)  # within a chunk no other entry has been one
        done = index
    rest = old[done + 1 :]
    new += _leaves(store, pending, cuts)
    return assemble(store, new + rest)


def _changed(items: list[bytes], add: set[bytes], remove: set[bytes]) -> list[bytes]:
    """Return sorted entries less ``remove``, plus ``add``."""
    if len(add) + len(remove) > _FEW:
        return sorted((set(items) - remove) | add)
    for entry in remove:
        at = bisect_left(items, entry)
        if at < len(items) and items[at] == entry:
            del items[at]
    for entry in add:
        at = bisect_left(items, entry)
        if at == len(items) or items[at] != entry:
            items.insert(at, entry)
    return items


def _leaves(store: Store, items: Sequence[bytes], cuts: Iterable[bytes]) -> list[Chunk]:
    """Store the chunks of a run of sorted entries, of which ``cuts`` may start one."""
    found = sorted({bisect_left(items, entry) for entry in cuts if _cut(entry, 0)})
    starts = [at for at in found if 0 < at < len(items) and _cut(items[at], 0)]
    bounds = pairwise([0, *starts, len(items)])
    return [_leaf(store, items[start:stop]) for start, stop in bounds if start < stop]


def count(store: Store, set_id: SetId) -> int:
    """Return how many entries a set has, reading one node."""
    data = _node_of(store, set_id)
    found, position = 0, 2
    while position < len(data):  # a list of lists counts them all, so nothing else is made
        _, size, _, first, last = _HEAD.unpack_from(data, position)
        found += size
        position += _HEAD.size + first + last
    return found


def entries(store: Store, set_id: SetId, *, architecture: str | None = None) -> Iterator[Entry]:
    """Yield the entries in order, all or those of one architecture."""
    mark = b"" if architecture is None else b"\0" + architecture.encode() + b"\0"
    for items in each_entries(store, chunks(store, set_id)):
        # The mark may stand in a version too, so the few that have it are taken apart.
        found = (entry for entry in items if entry.find(mark) > 0)
        yield from (e for e in found if group(e).endswith(mark)) if mark else items


def find(store: Store, set_id: SetId, prefix: bytes) -> Iterator[Entry]:
    r"""Yield the entries that start with ``prefix``, reading the chunks that can hold them.

    ``name\\0`` finds a package, `group` its versions on one architecture.
    """
    level, found = _read(store, set_id)
    yield from _find(store, level, found, prefix)


def part(store: Store, set_id: SetId, start: int, stop: int) -> list[Entry]:
    """Return the entries from place ``start`` to before ``stop``, as a slice does.

    Reads the chunks that have them, and passes over the others by their sizes.
    """
    return _part(store, *_read(store, set_id), start, stop)


def _part(store: Store, level: int, found: list[Chunk], start: int, stop: int) -> list[Entry]:
    entries: list[Entry] = []
    place = 0
    for chunk in found:
        low, high = max(start - place, 0), min(stop - place, chunk.size)
        if high <= 0:
            break
        if low < high and level > 1:
            entries += _part(store, *_read(store, chunk.hash), low, high)
        elif low < high:
            entries += entries_of(store, chunk.hash)[low:high]
        place += chunk.size
    return entries


def _find(store: Store, level: int, found: list[Chunk], prefix: bytes) -> Iterator[Entry]:
    size = len(prefix)
    for chunk in found:
        if chunk.first[:size] > prefix:
            return
        if chunk.last[:size] < prefix:
            continue
        if level > 1:
            yield from _find(store, *_read(store, chunk.hash), prefix)
            continue
        items = entries_of(store, chunk.hash)
        start = bisect_left(items, prefix)
        for position in range(start, len(items)):
            if not items[position].startswith(prefix):
                break
            yield items[position]


def contains(store: Store, set_id: SetId, entry: bytes) -> bool:
    """Tell whether ``entry`` is in the set, reading one chunk at most."""
    return any(found == entry for found in find(store, set_id, entry))


def short(entry: bytes) -> bytes:
    """Return what one set may hold only once: name, architecture and version, with NULs."""
    return entry[: entry.rindex(b"\0") + 1]


def conflicts(store: Store, set_id: SetId, wanted: Iterable[bytes]) -> dict[bytes, Entry]:
    """Return the members that have the name, architecture and version of a wanted entry.

    Keyed by the wanted entry, which may be the member itself. Reads each chunk once at most.
    """
    found = chunks(store, set_id)
    firsts = [chunk.first for chunk in found]
    by_chunk: dict[int, list[bytes]] = {}
    for entry in wanted:
        key = short(entry)
        # Versions that differ in nothing but the hash are never cut apart.
        index = max(bisect_right(firsts, key + b"\xff") - 1, 0)
        by_chunk.setdefault(index, []).append(entry)
    ahead(store, (found[index].hash for index in by_chunk if index < len(found)))
    answer: dict[bytes, Entry] = {}
    for index, entries_wanted in by_chunk.items():
        if index < len(found):
            members = entries_of(store, found[index].hash)
            for entry in entries_wanted:
                key = short(entry)
                at = bisect_left(members, key)
                if at < len(members) and members[at].startswith(key):
                    answer[entry] = members[at]
    return answer


def nodes(store: Store, set_id: SetId, seen: AbstractSet[bytes] = frozenset()) -> Iterator[bytes]:
    """Yield the hashes of all that a set consists of, without what is below ``seen``."""
    if set_id in seen:
        return
    yield set_id
    level, found = _read(store, set_id)
    found = [chunk for chunk in found if chunk.hash not in seen]
    if level > 1:
        ahead(store, (chunk.hash for chunk in found))
    for chunk in found:
        if level > 1:
            yield from nodes(store, SetId(chunk.hash), seen)
        else:
            yield chunk.hash


def is_whole(store: Store, set_id: SetId, parents: Iterable[SetId] = ()) -> bool:
    """Tell whether all that a set consists of is there.

    What it has in common with ``parents`` is not looked for: these sets are whole.
    """
    ahead(store, (set_id, *parents))
    try:
        known = {node for parent in parents for node in nodes(store, parent)}
        found = list(nodes(store, set_id, known))
    except KeyError:
        return False
    ahead(store, found)
    return all(node in store or node == EMPTY for node in found)
