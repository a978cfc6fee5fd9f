"""Text: the picture as a tree, for terminals and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo_graph import words
from debrepo_graph.graph import neighbours, order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from debrepo_graph.graph import Graph, Vertex
    from debrepo_graph.words import Drawing


def render(graph: Graph, style: Drawing) -> str:
    """Return a tree for each vertex that was made from nothing; what has several parents is
    spelled out below the first.
    """  # noqa: D205
    following = neighbours(graph.edges)
    made = {target for _, target in graph.edges}
    lines: list[tuple[str, str]] = []
    done: set[str] = set()
    roots = [name for name in graph.vertices if name not in made]
    for name in [*roots, *graph.vertices]:  # the rest: should links ever go in a circle
        if name not in done:
            lines += _tree(graph, following, name, style, done)
    width = max((len(left) for left, _ in lines), default=0)
    return "".join(f"{left.ljust(width)}  {right}".rstrip() + "\n" for left, right in lines)


def _tree(
    graph: Graph, following: Mapping[str, set[str]], root: str, style: Drawing, done: set[str]
) -> Iterator[tuple[str, str]]:
    ahead = [(root, "", "")]  # name, how its line begins, how those below begin
    while ahead:
        name, head, margin = ahead.pop()
        vertex = graph.vertices[name]
        children = sorted(following.get(name, ()), key=order)
        again = name in done and bool(children)
        yield f"{head}{_title(vertex)}", "see above" if again else _said(vertex, style)
        if name in done:
            continue
        done.add(name)
        below = [(child, f"{margin}├─ ", f"{margin}│  ") for child in children]
        if below:
            below[-1] = children[-1], f"{margin}└─ ", f"{margin}   "
        ahead += reversed(below)


def _title(vertex: Vertex) -> str:
    return "".join(c if c.isprintable() else "�" for c in f"{vertex.kind} {vertex.title}")


def _said(vertex: Vertex, style: Drawing) -> str:
    concerns = (f"! {line}" for line in words.concerns(vertex, style.now))
    said = "; ".join([*words.lines(vertex, style.now), *concerns])
    return "".join(c if c.isprintable() else "�" for c in said)
