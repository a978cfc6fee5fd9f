"""Components: which units the indexes of a generation consist of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.index_kind import Layout, Published
from debrepo_publish.engine import plan as planning
from debrepo_publish.indexes import contents
from debrepo_publish.indexes.compression import FORMS
from debrepo_publish.indexes.fragments import PackagesUnit, key_of
from debrepo_publish.indexes.rendering import Rendered, Renderer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from debrepo.database import Transaction
    from debrepo.index_kind import IndexKind
    from debrepo.package import Entry
    from debrepo.packageset.tree import Chunk
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.indexes.cache import Cache

_WALK = 32  # chunks of packages to read before the pages that they stand on are let go of


def render(txn: Transaction, cache: Cache, plan: Plan, *, anew: bool) -> Iterator[Rendered]:
    """Yield every index of a generation, in every form that the publication asks for.

    A component that is what it was is not looked at, unless it has to be stored ``anew``.
    """
    publication = plan.publication
    architectures = plan.generation.architectures
    kinds = plan.kinds
    forms = [FORMS[name] for name in publication.compressions]
    renderer = Renderer(cache, forms, publication.sums)
    try:
        for component, part in sorted(plan.generation.parts.items()):
            if not anew and _unchanged(plan, component):
                yield from _as_before(plan, component)
                continue
            layout = _layout(plan, component)
            expected = [path for kind in kinds.values() for path in kind.expected(layout)]
            units = packages_units(txn, plan, component, kinds)
            found = renderer.render(units, expected)
            yield from (item._replace(path=f"{component}/{item.path}") for item in found)
            if publication.contents:
                before = plan.previous.parts.get(component) if plan.previous else None
                listed = contents.render(
                    txn, cache, renderer, publication, architectures, part, before
                )
                yield from (item._replace(path=f"{component}/{item.path}") for item in listed)
    finally:
        renderer.close()


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
    for path, index in plan.previous.indexes.items():
        if path.startswith(f"{component}/") and not path.endswith("/Release"):
            yield Rendered(path, index, None)


def _layout(plan: Plan, component: str) -> Layout:
    publication, generation = plan.publication, plan.generation
    source = publication.has_source(generation.parts)
    return Layout(component, generation.architectures, publication.sums, source)


def packages_units(
    txn: Transaction, plan: Plan, component: str, kinds: Mapping[str, IndexKind]
) -> Iterator[PackagesUnit]:
    """Yield the units of the package set of a component."""
    layout = _layout(plan, component)
    shelf = plan.generation.shelf(component)
    origin = _origin(kinds, layout, shelf)
    moved = sorted(entry for name, entry in plan.displaced if name == shelf)
    chunks = packageset.chunks(txn[CHUNKS], plan.generation.parts[component].set_id)
    for number, chunk in enumerate(chunks, 1):
        if not number % _WALK:
            txn.trim()
        here = moved[bisect_left(moved, chunk.first) : bisect_right(moved, chunk.last)]
        key = key_of(origin, chunk.hash, *here)
        loader = _Loader(txn, plan, component, chunk)
        yield PackagesUnit(key, loader, list(kinds.values()), layout)


def _origin(kinds: Mapping[str, IndexKind], layout: Layout, shelf: str) -> bytes:
    """Return a hash of all that a unit is made from besides its packages."""
    names = [f"{name} {kind.version}".encode() for name, kind in sorted(kinds.items())]
    return key_of(b"packages", repr(tuple(layout)).encode(), shelf.encode(), *names)


class _Loader:
    """Reads the packages of a chunk when they are wanted."""

    def __init__(self, txn: Transaction, plan: Plan, component: str, chunk: Chunk) -> None:
        self._arguments = txn, plan, component, chunk

    def __call__(self) -> list[Published]:
        txn, plan, component, chunk = self._arguments
        entries: list[Entry] = packageset.entries_of(txn[CHUNKS], chunk.hash)
        return list(planning.published(txn, plan, component, entries))
