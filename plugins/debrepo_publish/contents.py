"""Contents: which file is in which package, kept sorted, and updated by the difference.

The lines of a Contents file are kept like a package set (`debrepo.packageset`), cut where
their paths say, under the package set and the architecture that they were made from. The
next package set differs in a few packages; the lines that differ are those of their paths.
See https://wiki.debian.org/DebianRepository/Format, "Contents" indices.
"""

from __future__ import annotations

import tempfile
from heapq import merge
from itertools import groupby, islice
from typing import TYPE_CHECKING, BinaryIO

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.package import SetId
from debrepo_publish.cache import LINES, ROOTS
from debrepo_publish.forms import FORMS, Form
from debrepo_publish.units import LinesUnit, group_key, groups, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction
    from debrepo.package import Entry, Package
    from debrepo_publish.cache import Cache
    from debrepo_publish.model import Part, Publication
    from debrepo_publish.plan import Plan
    from debrepo_publish.rendering import Rendered, Renderer

_VERSION = b"1"  # of how lines are made
_BETWEEN = b"\0\0"  # path and locations, as a package set's entry has its last NUL
_RUN = 150_000  # lines that are sorted in memory at once
_COARSENESS = 4  # groups of 16 chunks: about 4,000 lines, 300 kB


def render(
    txn: Transaction, cache: Cache, renderer: Renderer, plan: Plan, component: str, part: Part
) -> Iterator[Rendered]:
    """Yield the Contents files of a component, one for each architecture with packages."""
    before = plan.previous.parts.get(component) if plan.previous else None
    wanted = {*plan.generation.architectures, "all"} & set(part.architectures)
    for architecture in sorted(wanted):
        for kind, prefix in (("deb", "Contents-"), ("udeb", "Contents-udeb-")):
            root = _root(txn, cache, before, part, kind, architecture)
            path = prefix + architecture
            if root != packageset.EMPTY:
                yield from renderer.render(_units(cache, root, path), (), [_form(plan.publication)])


def keys(cache: Cache, publication: Publication, part: Part) -> Iterator[tuple[bytes, list[bytes]]]:
    """Yield the key of each root that a component has, with the keys of its pieces."""
    form = _form(publication)
    for architecture in part.architectures:
        for kind in ("deb", "udeb"):
            key = _root_key(part.set_id, kind, architecture)
            with cache.db.read() as lines:
                root = lines[ROOTS].get(key)
            if root is not None and root != packageset.EMPTY:
                found = groups(_units(cache, SetId(root), ""), form.coarseness)
                yield key, [group_key(form.name, group) for group in found]


def _form(publication: Publication) -> Form:
    """Return the one form that Contents come in: gzip, where the publication has it."""
    names = publication.compressions
    return FORMS["gz" if "gz" in names else names[0]]._replace(coarseness=_COARSENESS)


def _units(cache: Cache, root: SetId, path: str) -> Iterator[LinesUnit]:
    with cache.db.read() as txn:
        found = packageset.chunks(txn[LINES], root)
    for chunk in found:
        yield LinesUnit(chunk.hash, chunk.first, path, _Text(cache, chunk.hash))


class _Text:
    """The lines of a chunk, as they stand in the file."""

    def __init__(self, cache: Cache, chunk: bytes) -> None:
        self._cache = cache
        self._chunk = chunk

    def __call__(self) -> bytes:
        return self._cache.lines(self._chunk)[1:].replace(_BETWEEN, b" ") + b"\n"


def _root_key(set_id: SetId, kind: str, architecture: str) -> bytes:
    return key_of(_VERSION, set_id, kind.encode(), architecture.encode())


def _root(
    txn: Transaction, cache: Cache, before: Part | None, part: Part, kind: str, architecture: str
) -> SetId:
    """Return the root of the lines of a package set, from those of the set before it."""
    key = _root_key(part.set_id, kind, architecture)
    old_key = _root_key(before.set_id, kind, architecture) if before else b""
    with cache.db.read() as lines:
        known = lines[ROOTS].get(key)
        old = lines[ROOTS].get(old_key) if before else None
        if known is not None and (known == packageset.EMPTY or known in lines[LINES]):
            return SetId(known)
        if old is not None and old != packageset.EMPTY and old not in lines[LINES]:
            old = None
    if old is None or before is None:
        runs = _sorted_runs(_all_pairs(txn, part.set_id, kind, architecture))
        built = _build(cache, _lines(merge(*runs)))
    else:
        built = _update(txn, cache, SetId(old), before.set_id, part.set_id, kind, architecture)
    with cache.db.write() as lines:
        lines[ROOTS][key] = built
    return built


def _location(package: Package) -> bytes:
    """Return ``section/name``, as the second column has it."""
    section = package.field("Section")
    name = package.key.name
    return (f"{section}/{name}" if section else name).encode()


def _pairs(txn: Transaction, entry: Entry, kind: str) -> list[bytes]:
    """Return a line for each path of a package, if it is of this kind."""
    package = catalog.get(txn, entry)
    if package.kind != kind:
        return []
    listed = catalog.paths(txn, entry)
    if not listed:
        return []
    tail = _BETWEEN + _location(package)
    return [path + tail for path in listed.split(b"\n") if path]


def _all_pairs(txn: Transaction, set_id: SetId, kind: str, architecture: str) -> Iterator[bytes]:
    for entry in packageset.entries(txn[CHUNKS], set_id, architecture=architecture):
        yield from _pairs(txn, entry, kind)


def _sorted_runs(pairs: Iterator[bytes]) -> list[Iterable[bytes]]:
    """Return sorted runs of all pairs: one in memory, the others in temporary files."""
    runs: list[Iterable[bytes]] = []
    while run := list(islice(pairs, _RUN)):
        run.sort()
        if len(run) < _RUN:
            runs.append(run)
            break
        file = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the run has been read
        file.writelines(line + b"\n" for line in run)
        file.seek(0)
        runs.append(_read_run(file))
    return runs


def _read_run(file: BinaryIO) -> Iterator[bytes]:
    with file:
        for line in file:
            yield line[:-1]


def _lines(pairs: Iterable[bytes]) -> Iterator[bytes]:
    """Join sorted pairs of one path into one line with all its locations."""
    for path, group in groupby(pairs, key=lambda pair: pair[: pair.rindex(_BETWEEN)]):
        first, *others = group
        if others:
            places = sorted({pair[len(path) + 2 :] for pair in (first, *others)})
            first = path + _BETWEEN + b",".join(places)
        yield first


def _build(cache: Cache, lines: Iterator[bytes]) -> SetId:
    """Store sorted lines, a few thousand in a transaction."""
    found: list[packageset.Chunk] = []
    for run in packageset.runs(lines, 1 << 15):
        with cache.db.write() as txn:
            found += packageset.leaves(txn[LINES], run)
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
    members = packageset.find(txn[CHUNKS], set_id, name)
    return {pair for entry in members for pair in _pairs(txn, entry, kind)}


def _apply(cache: Cache, root: SetId, removed: set[bytes], added: set[bytes]) -> SetId:
    paths = {pair[: pair.rindex(_BETWEEN) + 2] for pair in removed | added}
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
    end = pair.rindex(_BETWEEN) + 2
    return pair[:end], pair[end:]
