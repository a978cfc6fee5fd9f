"""Contents: which package each file is in, kept sorted, and updated by differences.

The lines of a Contents file are kept like a package set (`debrepo.packageset`), cut where
their paths say, under the package set and the architecture that they were made from. The
next package set differs in a few packages; the lines that differ are those of their paths.
See https://wiki.debian.org/DebianRepository/Format, section on Contents.
"""

from __future__ import annotations

from functools import partial
from itertools import starmap
from typing import TYPE_CHECKING
from zlib import crc32

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.package import SetId
from debrepo_publish.indexes import sorting
from debrepo_publish.indexes.cache import LINES, ROOTS
from debrepo_publish.indexes.compression import BY_NAME, Compression
from debrepo_publish.indexes.encoding import location
from debrepo_publish.indexes.fragments import Fragment, Group
from debrepo_publish.model.hashing import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from debrepo.database import Database, Transaction
    from debrepo.package import Package
    from debrepo_publish.indexes.cache import Cache, Name
    from debrepo_publish.model.publication import Generation, Part, Publication

_VERSION = b"3"  # of how lines are made
#: Path and locations: two NULs, as a package set's entry has them, around the blank that is
#: to stand there. To delete single bytes takes a fifth of the time that to replace two does.
_BETWEEN = b"\0 \0"
_COARSENESS = 4  # groups of 16 chunks: about 4,000 lines, 300 kB
_SHIFT = 8  # the lower bits of the CRC are those that cut chunks; see `debrepo.packageset`


def groups(
    db: Database, cache: Cache, generation: Generation, component: str, before: Part | None
) -> Iterator[Group]:
    """Yield the fragments of each Contents file of a component: of architectures with packages.

    ``before`` is the component in the previous generation, if it was there.
    """
    part = generation.parts[component]
    wanted = {*generation.architectures, "all", *generation.served} & set(part.architectures)
    compressions = [_compression(generation.publication)]
    for architecture in sorted(wanted):
        for kind, prefix in _kinds(architecture).items():
            with db.read() as txn:
                root = _root(txn, cache, before, part, kind, architecture)
            if root != packageset.EMPTY:
                found = list(_fragments(cache, root, prefix + architecture))
                yield Group(component, found, (), compressions)


def _compression(publication: Publication) -> Compression:
    """Return the one compression that Contents have: gzip if the publication has it."""
    names = publication.compressions
    return BY_NAME["gz" if "gz" in names else names[0]]


def names(cache: Cache, publication: Publication, part: Part) -> Iterator[tuple[bytes, list[Name]]]:
    """Yield the key of each root that a component has, with the names of its fragments."""
    chosen = _compression(publication).name
    for architecture in part.architectures:
        for kind in _kinds(architecture):
            key = _root_key(part.set_id, kind, architecture)
            with cache.db.read() as lines:
                root = lines[ROOTS].get(key)
            if root is not None and root != packageset.EMPTY:
                found = _fragments(cache, SetId(root), "")
                yield key, [(fragment.key, chosen) for fragment in found]


def _kinds(architecture: str) -> dict[str, str]:
    """Return the kinds of package that there are, and how the names of their Contents start."""
    if architecture == "source":
        return {"source": "Contents-"}
    return {"deb": "Contents-", "udeb": "Contents-udeb-"}


def _fragments(cache: Cache, root: SetId, path: str) -> Iterator[Fragment]:
    with cache.db.read() as txn:
        found = packageset.chunks(txn[LINES], root)
    for group in _groups(found):
        hashes = [chunk.hash for chunk in group]
        yield Fragment(key_of(b"lines", *hashes), partial(_text, cache, hashes, path), cached=False)


def _groups(found: Iterable[packageset.Chunk]) -> Iterator[list[packageset.Chunk]]:
    """Yield runs of chunks whose bounds their own first lines decide, as those of chunks are.

    So a change moves no bound but its own. The longer a run, the smaller what it compresses
    to, and the more has to be compressed for a change.
    """
    group: list[packageset.Chunk] = []
    for chunk in found:
        bound = crc32(chunk.first[: chunk.first.rindex(b"\0")]) >> _SHIFT
        if group and not bound & ((1 << _COARSENESS) - 1):
            yield group
            group = []
        group.append(chunk)
    if group:
        yield group


def _text(cache: Cache, chunks: Sequence[bytes], path: str) -> dict[str, bytes]:
    """Return the lines of some chunks as they stand in the file."""
    lines = [data[1:] for data in cache.lines(chunks)]
    return {path: b"\n".join((*lines, b"")).replace(b"\0", b"")}


def _root_key(set_id: SetId, kind: str, architecture: str) -> bytes:
    return key_of(_VERSION, set_id, kind.encode(), architecture.encode())


def _root(
    txn: Transaction, cache: Cache, before: Part | None, part: Part, kind: str, architecture: str
) -> SetId:
    """Return the root of the lines of a package set, from those of the set before it."""
    key = _root_key(part.set_id, kind, architecture)
    with cache.db.read() as lines:
        known = _usable(lines, key)
        old = _usable(lines, _root_key(before.set_id, kind, architecture)) if before else None
    if known is not None:
        return known
    if old is None or before is None:
        built = _build_kinds(txn, cache, part.set_id, architecture)
    else:
        built = {kind: _update(txn, cache, old, before.set_id, part.set_id, kind, architecture)}
    with cache.db.write() as lines:
        for built_kind, root in built.items():
            lines[ROOTS][_root_key(part.set_id, built_kind, architecture)] = root
    return built[kind]


def _usable(lines: Transaction, key: bytes) -> SetId | None:
    root = lines[ROOTS].get(key)
    return SetId(root) if root and (root == packageset.EMPTY or root in lines[LINES]) else None


def _build_kinds(
    txn: Transaction, cache: Cache, set_id: SetId, architecture: str
) -> dict[str, SetId]:
    """Build the lines of each kind of package, having read each package once.

    Those of the second kind are held in memory: udebs are few, and have few paths.
    """
    first, *second = _kinds(architecture)
    others: list[bytes] = []

    def pairs() -> Iterator[bytes]:
        entries = packageset.entries(txn[CHUNKS], set_id, architecture=architecture)
        for package in catalog.get_many(txn, entries):
            if package.kind == first:
                yield from _pairs(txn, package)
            elif package.kind in second:
                others.extend(_pairs(txn, package))

    built = {first: _build(cache, _lines(sorting.blocks(pairs())))}
    return built | {kind: _build(cache, _lines(sorting.blocks(iter(others)))) for kind in second}


def _location(package: Package) -> bytes:
    """Return ``section/name``, as the second column has it; of a source package, the name."""
    section = "" if package.kind == "source" else package.field("Section")
    return location(section, package.key.name)


def _pairs(txn: Transaction, package: Package) -> list[bytes]:
    """Return a line for each path of a package."""
    listed = catalog.paths(txn, package.key.entry)
    tail = _BETWEEN + _location(package)
    return [path + tail for path in listed.split(b"\n") if path]


def _lines(blocks: Iterable[list[bytes]]) -> Iterator[bytes]:
    """Join sorted pairs of one path into one line with all its locations."""
    last: list[bytes] = []  # the pairs of the last path of a block, which may go on in the next
    for block in blocks:
        found: dict[bytes, list[bytes]] = {}
        for pair in (*last, *block):
            found.setdefault(pair[: pair.rindex(_BETWEEN)], []).append(pair)
        _, last = found.popitem()
        yield from starmap(_line, found.items())
    if last:
        yield _line(last[0][: last[0].rindex(_BETWEEN)], last)


def _line(path: bytes, pairs: list[bytes]) -> bytes:
    if len(pairs) == 1:
        return pairs[0]
    start = len(path) + len(_BETWEEN)
    return path + _BETWEEN + b",".join(sorted({pair[start:] for pair in pairs}))


def _build(cache: Cache, lines: Iterator[bytes]) -> SetId:
    """Store sorted lines, a few thousand in a transaction."""
    found: list[packageset.Chunk] = []
    for run in packageset.runs(lines, 1 << 15):
        with cache.db.write() as txn:
            found += packageset.leaves(txn[LINES], run)
            txn.trim()
    with cache.db.write() as txn:
        return packageset.assemble(txn[LINES], found)


def _update(
    txn: Transaction,
    cache: Cache,
    root: SetId,
    old: SetId,
    new: SetId,
    kind: str,
    architecture: str,
) -> SetId:
    """Apply the difference of two package sets to the lines of the first.

    Only packages of one name share a line's location, so names that differ tell all.
    """
    difference = packageset.diff(txn[CHUNKS], old, new)
    names = {packageset.group(entry) for side in difference for entry in side}
    wanted = b"\0" + architecture.encode() + b"\0"
    removed: set[bytes] = set()
    added: set[bytes] = set()
    for name in names:
        if name.endswith(wanted):
            before = _pairs_of_name(txn, old, name, kind)
            after = _pairs_of_name(txn, new, name, kind)
            removed |= before - after
            added |= after - before
    if not removed and not added:
        return root
    return _apply(cache, root, removed, added)


def _pairs_of_name(txn: Transaction, set_id: SetId, name: bytes, kind: str) -> set[bytes]:
    members = catalog.get_many(txn, packageset.find(txn[CHUNKS], set_id, name))
    return {pair for member in members if member.kind == kind for pair in _pairs(txn, member)}


def _apply(cache: Cache, root: SetId, removed: set[bytes], added: set[bytes]) -> SetId:
    paths = {pair[: pair.rindex(_BETWEEN) + len(_BETWEEN)] for pair in removed | added}
    with cache.db.read() as txn:
        there = packageset.conflicts(txn[LINES], root, paths)
    gone, lines = list(there.values()), []
    places = {path: set(line[len(path) :].split(b",")) for path, line in there.items()}
    for pair in removed:
        path, place = _split(pair)
        places[path].discard(place)
    for pair in added:
        path, place = _split(pair)
        places.setdefault(path, set()).add(place)
    lines = [path + b",".join(sorted(found)) for path, found in places.items() if found]

    def change(txn: Transaction) -> SetId:
        return packageset.update(txn[LINES], root, add=lines, remove=gone)

    return cache.db.update(change)


def _split(pair: bytes) -> tuple[bytes, bytes]:
    end = pair.rindex(_BETWEEN) + len(_BETWEEN)
    return pair[:end], pair[end:]
