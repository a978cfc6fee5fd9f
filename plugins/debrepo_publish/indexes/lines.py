"""Lines: indexes that are kept sorted, such as Contents, and updated by differences.

The lines of an index are kept like a package set (`debrepo.packageset`), cut where their keys
say, under the package set and the architecture that they were made from. The next package set
differs in a few packages; the lines that differ are those of their keys.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import chain, starmap
from types import MappingProxyType
from typing import TYPE_CHECKING
from zlib import crc32

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import PluginError
from debrepo.index_kind import Published, SortedIndexKind
from debrepo.package import SetId
from debrepo.values import NamedTuple
from debrepo_publish.indexes import contexts, sorting
from debrepo_publish.indexes.cache import LINES, ROOTS
from debrepo_publish.indexes.fragments import Fragment, Group
from debrepo_publish.model.hashing import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from debrepo.database import Database, Transaction
    from debrepo.package import Entry, Package
    from debrepo_publish.indexes.cache import Cache, Name
    from debrepo_publish.indexes.compression import Compression
    from debrepo_publish.indexes.contexts import WantedIndex
    from debrepo_publish.model.publication import Generation, Part

    #: What plugins give packages, of the fields that a kind asks for: name and value of each.
    Given = Mapping[Entry, tuple[tuple[str, str], ...]]
#: Key and values: two NULs, as a package set's entry has them, around the blank that is
#: to stand there. To delete single bytes takes a fifth of the time that to replace two does.
_BETWEEN = b"\0 \0"
_UNFIT = re.compile(rb"[\0\n,]|^$")  # what a value must not have
_COARSENESS = 4  # groups of 16 chunks: about 4,000 lines, 300 kB
_SHIFT = 8  # the lower bits of the CRC are those that cut chunks; see `debrepo.packageset`


class LineSource(NamedTuple):
    """The packages of one kind that an index is made from, and what makes it.

    They are of one architecture, or of all of them where the kind of index is joint.
    """

    wanted: WantedIndex
    kind: str
    architectures: tuple[str, ...]
    given: Given = MappingProxyType({})  #: by package

    @property
    def maker(self) -> SortedIndexKind:
        """The kind of index."""
        assert isinstance(self.wanted.kind, SortedIndexKind)
        return self.wanted.kind

    def key(self, set_id: SetId) -> bytes:
        """Return the key of the root of its lines."""
        made = self.wanted.key, self.kind.encode(), *map(str.encode, self.architectures)
        said = [
            part
            for entry, fields in sorted(self.given.items())
            if self.takes(entry)
            for part in (entry, repr(fields).encode(errors="surrogateescape"))
        ]
        return key_of(b"lines 1", *made, set_id, *said)

    def path(self) -> str:
        """Return the path of the index, or an empty string if there is none."""
        architecture = "" if self.maker.joint else self.architectures[0]
        return self.maker.index(self.kind, architecture, self.wanted.context)

    def takes(self, name: bytes) -> bool:
        """Return whether packages are among them, by the start of their entries."""
        return name.split(b"\0", 2)[1].decode() in self.architectures


def sources(
    wanted: WantedIndex, architectures: Iterable[str], given: Given
) -> Iterator[list[LineSource]]:
    """Yield what a kind makes indexes from, together what is read together."""
    assert isinstance(wanted.kind, SortedIndexKind)
    machines = tuple(sorted(set(architectures) - {"source"}))
    runs = [machines] if wanted.kind.joint else [(name,) for name in machines]
    for kinds, run in (
        *((("deb", "udeb"), run) for run in runs if run),
        *[(("source",), ("source",))] * ("source" in architectures),
    ):
        found = (
            LineSource(wanted, kind, run, given) for kind in kinds if kind in wanted.kind.takes
        )
        if together := [source for source in found if source.path()]:
            yield together


def groups(
    db: Database,
    cache: Cache,
    wanted: WantedIndex,
    generation: Generation,
    component: str,
    before: Part | None,
    compressions: Sequence[Compression],
    given: Given,
    given_before: Given,
) -> Iterator[Group]:
    """Yield the fragments of each index of a component: of those that have lines.

    ``before`` is the component in the previous generation, if it was there, and ``given_before``
    what plugins would give its packages today.
    """
    part = generation.parts[component]
    expected = set(contexts.expected(wanted))
    for together in sources(wanted, _served(generation, part), given):
        for source in together:
            old = source._replace(given=given_before)
            with db.read() as txn:
                root = _root(txn, cache, before, part, source, together, old)
            path = source.path()
            if root != packageset.EMPTY:
                expected.discard(path)
                found = list(_fragments(cache, root, source))
                yield Group(component, wanted, found, (), compressions)
    if expected:
        yield Group(component, wanted, (), sorted(expected), compressions)


def _served(generation: Generation, part: Part) -> set[str]:
    return {*generation.architectures, "all", *generation.served} & set(part.architectures)


def names(
    cache: Cache,
    wanted: WantedIndex,
    generation: Generation,
    component: str,
    compressions: Sequence[Compression],
    given: Given,
) -> Iterator[tuple[bytes, list[Name]]]:
    """Yield the key of each root that a component has, with the names of its fragments."""
    part = generation.parts[component]
    for source in chain.from_iterable(sources(wanted, _served(generation, part), given)):
        key = source.key(part.set_id)
        with cache.db.read() as lines:
            root = lines[ROOTS].get(key)
        if root is not None and root != packageset.EMPTY:
            found = list(_fragments(cache, SetId(root), source))
            yield key, [(one.key, chosen.name) for one in found for chosen in compressions]


def _fragments(cache: Cache, root: SetId, source: LineSource) -> Iterator[Fragment]:
    with cache.db.read() as txn:
        found = packageset.chunks(txn[LINES], root)
    maker = source.maker
    is_text = type(maker).text is SortedIndexKind.text
    made = () if is_text else (source.wanted.name.encode(), b"%d" % maker.version)
    for group in _groups(found):
        hashes = [chunk.hash for chunk in group]
        text = partial(_text, cache, hashes, source)
        path = source.path().encode()  # two architectures may have the same lines
        yield Fragment(key_of(b"lines", path, *made, *hashes), text, cached=False)


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


def _text(cache: Cache, chunks: Sequence[bytes], source: LineSource) -> dict[str, bytes]:
    """Return the lines of some chunks as they stand in the file."""
    lines = [data[1:] for data in cache.lines(chunks)]
    return {source.path(): source.maker.text(b"\n".join((*lines, b"")).replace(b"\0", b""))}


def _root(
    txn: Transaction,
    cache: Cache,
    before: Part | None,
    part: Part,
    source: LineSource,
    together: Sequence[LineSource],
    earlier: LineSource,
) -> SetId:
    """Return the root of the lines of a package set, from those of the set before it."""
    key = source.key(part.set_id)
    with cache.db.read() as lines:
        known = _usable(lines, key)
        old = _usable(lines, earlier.key(before.set_id)) if before else None
    if known is not None:
        return known
    if old is None or before is None:
        built = list(_build_kinds(txn, cache, part.set_id, together))
    else:
        change = before.set_id, part.set_id, source, earlier
        built = [(source, _update(txn, cache, old, *change))]
    with cache.db.write() as lines:
        for made, root in built:
            lines[ROOTS][made.key(part.set_id)] = root
    return next(root for made, root in built if made.kind == source.kind)


def _usable(lines: Transaction, key: bytes) -> SetId | None:
    root = lines[ROOTS].get(key)
    return SetId(root) if root and (root == packageset.EMPTY or root in lines[LINES]) else None


def _build_kinds(
    txn: Transaction, cache: Cache, set_id: SetId, together: Sequence[LineSource]
) -> Iterator[tuple[LineSource, SetId]]:
    """Yield the lines of each kind of package, built with each package read once.

    Those of the second kind are held in memory: udebs are few, and have few paths.
    """
    first, *second = together
    others: dict[str, tuple[LineSource, list[bytes]]] = {one.kind: (one, []) for one in second}

    def pairs() -> Iterator[bytes]:
        entries: Iterable[bytes]
        if len(first.architectures) == 1:
            entries = packageset.entries(txn[CHUNKS], set_id, architecture=first.architectures[0])
        else:
            entries = filter(first.takes, packageset.entries(txn[CHUNKS], set_id))
        for package in catalog.get_many(txn, entries):
            if package.kind == first.kind:
                yield from _pairs(txn, package, first)
            elif package.kind in others:
                source, found = others[package.kind]
                found.extend(_pairs(txn, package, source))

    yield first, _build(cache, _lines(sorting.blocks(pairs())))
    for source, found in others.values():
        yield source, _build(cache, _lines(sorting.blocks(iter(found))))


def _pairs(txn: Transaction, package: Package, source: LineSource) -> list[bytes]:
    """Return a line for each key of a package."""
    maker, context = source.maker, source.wanted.context
    listed = catalog.paths(txn, package.key.entry) if "contents" in maker.reads else b""
    fields = dict(source.given.get(package.key.entry, ()))
    keys, value = maker.lines(Published(package, contents=listed, fields=fields), context)
    if not (isinstance(keys, bytes) and isinstance(value, bytes)):
        raise PluginError(
            f"the kind of index {source.wanted.name} of plugin {source.wanted.plugin} gives no"
            f" bytes for {package.key.display}: {keys!r:.80}, {value!r:.80}"
        )
    if b"\0" in keys or _UNFIT.search(value):
        raise PluginError(
            f"the kind of index {source.wanted.name} of plugin {source.wanted.plugin} makes no"
            f" lines of {package.key.display}: {value[:80]!r}"
        )
    tail = _BETWEEN + value
    return [key + tail for key in keys.split(b"\n") if key]


def _lines(blocks: Iterable[list[bytes]]) -> Iterator[bytes]:
    """Join sorted pairs of one key into one line with all its values."""
    last: list[bytes] = []  # the pairs of the last key of a block, which may go on in the next
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
    source: LineSource,
    earlier: LineSource,
) -> SetId:
    """Apply the difference of two package sets to the lines of the first.

    Only packages of one name share a line's value, so names that differ tell all.
    """
    difference = packageset.diff(txn[CHUNKS], old, new)
    names = {packageset.group(entry) for side in difference for entry in side}
    names = {name for name in names if source.takes(name)}
    if source.maker.joint:
        names = {name[: name.index(b"\0") + 1] for name in names}
    removed: set[bytes] = set()
    added: set[bytes] = set()
    for name in names:
        before = _pairs_of_name(txn, old, name, earlier)
        after = _pairs_of_name(txn, new, name, source)
        removed |= before - after
        added |= after - before
    if not removed and not added:
        return root
    return _apply(cache, root, removed, added)


def _pairs_of_name(txn: Transaction, set_id: SetId, name: bytes, source: LineSource) -> set[bytes]:
    members = catalog.get_many(
        txn, filter(source.takes, packageset.find(txn[CHUNKS], set_id, name))
    )
    return {
        pair
        for member in members
        if member.kind == source.kind
        for pair in _pairs(txn, member, source)
    }


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
