"""Components: the fragments that the indexes of a generation consist of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial
from typing import TYPE_CHECKING

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.index_kind import Layout, Published
from debrepo_publish.engine.layout import paths
from debrepo_publish.indexes import admission, contents, kinds, rendering
from debrepo_publish.indexes.compression import BY_NAME
from debrepo_publish.indexes.fragments import Fragment, Group
from debrepo_publish.indexes.rendering import Rendered
from debrepo_publish.model.hashing import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Database, Transaction
    from debrepo.package import Entry
    from debrepo.packageset.tree import Chunk
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.indexes.cache import Cache

_WALK = 32  # chunks of packages to read before the pages that they stand on are released


def render(
    db: Database, cache: Cache, plan: Plan, *, anew: bool, left_out: dict[Entry, str]
) -> Iterator[Rendered]:
    """Yield every index of a generation, in every compression of the publication.

    A component that has not changed is not read, unless it has to be stored ``anew``. Each
    fragment is read in a transaction of its own: none is open while something is compressed.
    ``left_out`` gets the packages that no index takes, and why.
    """
    components = sorted(plan.generation.parts)
    changed = [name for name in components if anew or not _unchanged(plan, name)]
    for component in components:
        if component not in changed:
            yield from _as_before(plan, component)
    groups = (group for name in changed for group in _groups(db, cache, plan, name))
    yield from rendering.render(cache, plan.publication.sums, groups, left_out)


def _groups(db: Database, cache: Cache, plan: Plan, component: str) -> Iterator[Group]:
    with db.read() as txn:
        found = packages_fragments(txn, db, plan, component)
    expected = kinds.expected(plan.kinds, _layout(plan, component))
    compressions = [BY_NAME[name] for name in plan.publication.compressions]
    yield Group(component, found, expected, compressions)
    if plan.publication.contents:
        before = plan.previous.parts.get(component) if plan.previous else None
        yield from contents.groups(db, cache, plan.generation, component, before)


def _unchanged(plan: Plan, component: str) -> bool:
    previous, generation = plan.previous, plan.generation
    return (
        previous is not None
        and component in previous.parts
        and previous.parts[component].set_id == generation.parts[component].set_id
        and previous.architectures == generation.architectures
        and previous.rendering == generation.rendering
    )


def _as_before(plan: Plan, component: str) -> Iterator[Rendered]:
    assert plan.previous is not None
    inner = tuple(f"{name}/" for name in plan.previous.parts if name.startswith(f"{component}/"))
    for path, index in plan.previous.indexes.items():
        if path.endswith("/Release") or (inner and path.startswith(inner)):
            continue
        if path.startswith(f"{component}/"):
            yield Rendered(path, index, None)


def _layout(plan: Plan, component: str) -> Layout:
    publication, generation = plan.publication, plan.generation
    source = publication.has_source(generation.parts)
    return Layout(component, generation.architectures, publication.sums, source)


def packages_fragments(
    txn: Transaction, db: Database, plan: Plan, component: str
) -> list[Fragment]:
    """Return the fragments of the package set of a component, which read from ``db``."""
    layout = _layout(plan, component)
    shelf = plan.generation.shelf(component)
    origin = _origin(plan, layout, shelf)
    moved = sorted(entry for name, entry in plan.displaced if name == shelf)
    chunks = packageset.chunks(txn[CHUNKS], plan.generation.parts[component].set_id)
    found = []
    for number, chunk in enumerate(chunks, 1):
        if not number % _WALK:
            txn.trim()
        here = moved[bisect_left(moved, chunk.first) : bisect_right(moved, chunk.last)]
        key = key_of(origin, chunk.hash, *here)
        found.append(Fragment(key, partial(_texts, db, plan, layout, shelf, chunk), cached=True))
    return found


def _origin(plan: Plan, layout: Layout, shelf: str) -> bytes:
    """Return a hash of all that a fragment is made from besides its packages."""
    names = [f"{name} {kind.version}".encode() for name, kind in sorted(plan.kinds.items())]
    judged = admission.origin(plan.policy).encode()
    return key_of(b"packages 3", judged, repr(tuple(layout)).encode(), shelf.encode(), *names)


def _texts(db: Database, plan: Plan, layout: Layout, shelf: str, chunk: Chunk) -> dict[str, bytes]:
    """Return the text that the packages of a chunk add to each index."""
    served = {name.encode() for name in (*layout.architectures, "all", *["source"] * layout.source)}
    listing = any(kind.reads_contents for kind in plan.kinds.values())
    published, reasons = [], {}
    with db.read() as txn:
        everything = packageset.entries_of(txn[CHUNKS], chunk.hash)
        entries = [entry for entry in everything if entry.split(b"\0", 2)[1] in served]
        for entry, stored in zip(entries, catalog.get_many(txn, entries), strict=True):
            package = admission.admit(stored, plan.policy)
            if isinstance(package, str):
                reasons[entry] = package
                continue
            displaced = (shelf, entry) in plan.displaced
            listed = catalog.paths(txn, entry) if listing else b""
            published.append(Published(package, paths(shelf, package, displaced=displaced), listed))
    return admission.noted(kinds.texts(plan.kinds, published, layout), reasons)
