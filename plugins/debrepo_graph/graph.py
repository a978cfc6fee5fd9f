"""The graph: package lists, publications, and how they derive from each other."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from debrepo import packageset
from debrepo.catalog import CHUNKS, PACKAGES
from debrepo.errors import NotFound
from debrepo.nearest import meant
from debrepo.package import Node, size
from debrepo.stopping import each

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pluggy import HookRelay

    from debrepo.database import Transaction
    from debrepo.package import Link, SetId

_DIGITS = re.compile(r"(\d+)")


class Vertex(NamedTuple):
    """Something to draw; ``name`` is ``kind:name``."""

    name: str
    packages: int = 0
    bytes: int = 0
    since: str = ""
    remarks: tuple[str, ...] = ()
    known: bool = True  #: false when only a link still speaks of it
    until: str = ""  #: until when clients accept it; empty if that has no end
    concerns: tuple[str, ...] = ()  #: what needs attention

    @property
    def kind(self) -> str:
        """What it is, such as ``repo`` or ``snapshot``."""
        return self.name.partition(":")[0]

    @property
    def title(self) -> str:
        """What its owner calls it."""
        return self.name.partition(":")[2]


class Graph(NamedTuple):
    """Vertices by name, and the edges from what something was made of to what was made."""

    vertices: dict[str, Vertex]
    edges: tuple[tuple[str, str], ...]


def order(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Return a key that sorts ``week-9`` before ``week-10``."""
    parts = [part for part in _DIGITS.split(name) if part]
    return tuple((not p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts)


def collect(hook: HookRelay, txn: Transaction) -> Graph:
    """Return the graph of everything that plugins report."""
    told = {link for batch in hook.debrepo_links(txn=txn) for link in batch}
    links = {(link.source, link.target) for link in told}
    found: dict[str, Node | None] = {name: None for link in links for name in link}
    for batch in hook.debrepo_package_lists(txn=txn):
        found |= {str(known): Node(str(known), (known.set_id,)) for known in batch}
    for batch in hook.debrepo_nodes(txn=txn):
        found |= {node.name: node for node in batch}
    behind = _behind(found, [link for link in told if link.firm])
    scales = _Scales(txn)
    vertices = {
        name: _vertex(name, found[name], scales, behind.get(name, ()))
        for name in sorted(found, key=order)
    }
    edges = sorted(links, key=lambda edge: (order(edge[0]), order(edge[1])))
    return Graph(vertices, tuple(edges))


def _behind(found: Mapping[str, Node | None], served: Iterable[Link]) -> dict[str, tuple[str, ...]]:
    """Return which nodes serve an older state of lists, and of which."""
    behind: dict[str, tuple[str, ...]] = {}
    for link in sorted(served):
        source, target = found[link.source], found[link.target]
        if source and target and target.sets and not set(source.sets) <= set(target.sets):
            said = f"behind {link.source.replace(':', ' ', 1)}"
            behind[link.target] = (*behind.get(link.target, ()), said)
    return behind


def _vertex(name: str, node: Node | None, scales: _Scales, behind: tuple[str, ...]) -> Vertex:
    if node is None:
        return Vertex(name, known=False)
    weighed = [scales.weigh(set_id) for set_id in node.sets]
    packages, total = sum(pair[0] for pair in weighed), sum(pair[1] for pair in weighed)
    return Vertex(
        name, packages, total, node.since, node.remarks, until=node.until, concerns=behind
    )


_AHEAD = 64  # chunks that are fetched together


class _Scales:
    """Counts and weighs package sets, each chunk that they share once."""

    def __init__(self, txn: Transaction) -> None:
        self._chunks = txn[CHUNKS]
        self._packages = txn[PACKAGES]
        self._sets: dict[bytes, tuple[int, int]] = {}
        self._weights: dict[bytes, int] = {}

    def weigh(self, set_id: SetId) -> tuple[int, int]:
        """Return how many packages a set has, and how many bytes their files."""
        if set_id not in self._sets:
            parts = packageset.chunks(self._chunks, set_id)
            new = (part.hash for part in parts if part.hash not in self._weights)
            self._chunks.preload(islice(new, _AHEAD))
            total = sum(self._chunk(part.hash) for part in parts)
            self._sets[set_id] = sum(part.size for part in parts), total
        return self._sets[set_id]

    def _chunk(self, digest: bytes) -> int:
        if digest not in self._weights:
            entries = packageset.entries_of(self._chunks, digest)
            records = self._packages.get_many(entries)
            self._weights[digest] = sum(size(record) for record in records if record)
        return self._weights[digest]


def around(graph: Graph, names: Iterable[str]) -> Graph:
    """Return the part of a graph that ``names`` were made from, and that was made from them."""
    wanted = set(names)
    unknown = sorted(wanted - set(graph.vertices))
    if unknown:
        raise NotFound(
            f"unknown node: {unknown[0][:80]}",
            hint=meant(unknown[0], graph.vertices, "use KIND:NAME, such as repo:stable"),
        )
    kept = _reach(wanted, graph.edges) | _reach(wanted, [(b, a) for a, b in graph.edges])
    vertices = {name: vertex for name, vertex in graph.vertices.items() if name in kept}
    edges = tuple(edge for edge in graph.edges if kept.issuperset(edge))
    return Graph(vertices, edges)


def _reach(start: set[str], edges: Iterable[tuple[str, str]]) -> set[str]:
    following = neighbours(edges)
    reached, ahead = set(start), list(start)
    while ahead:
        fresh = following.get(ahead.pop(), set()) - reached
        reached |= fresh
        ahead += fresh
    return reached


def neighbours(edges: Iterable[tuple[str, str]]) -> Mapping[str, set[str]]:
    """Return what each name leads to."""
    found: dict[str, set[str]] = {}
    for source, target in edges:
        found.setdefault(source, set()).add(target)
    return found


class Card(NamedTuple):
    """What is drawn in one frame: a vertex, or many of a kind with the same neighbours."""

    kind: str
    members: tuple[Vertex, ...]


class Cards(NamedTuple):
    """The frames of a picture, and the lines between them, as positions among the frames."""

    cards: tuple[Card, ...]
    edges: tuple[tuple[int, int], ...]


def gather(graph: Graph, *, at_least: int) -> Cards:
    """Put ``at_least`` or more vertices with the same neighbours into one frame; 0: none."""
    into, out = neighbours((b, a) for a, b in graph.edges), neighbours(graph.edges)
    twins: dict[object, list[Vertex]] = {}
    for name, vertex in each(graph.vertices.items()):
        sides = frozenset(into.get(name, ())), frozenset(out.get(name, ()))
        twins.setdefault((vertex.kind, vertex.known, *sides), []).append(vertex)
    frames: list[Card] = []
    for members in twins.values():
        if at_least and len(members) >= at_least:
            frames.append(Card(members[0].kind, tuple(members)))
        else:
            frames += [Card(vertex.kind, (vertex,)) for vertex in members]
    frames.sort(key=lambda card: order(card.members[0].name))
    place = {v.name: position for position, card in enumerate(frames) for v in card.members}
    return Cards(tuple(frames), tuple(sorted({(place[a], place[b]) for a, b in graph.edges})))
