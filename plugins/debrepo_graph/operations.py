"""What can be done with the graph."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import clock
from debrepo.errors import DebrepoError, InvalidInput
from debrepo_graph import dot, graph, graphviz, mermaid, text, words
from debrepo_graph.words import Drawing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from debrepo.session import Session
    from debrepo.signing import MadeSignature
    from debrepo_graph.graph import Cards, Graph, Vertex

#: What can be drawn, and its media type.
FORMATS = {
    "text": "text/plain; charset=utf-8",
    "dot": "text/vnd.graphviz",
    "mermaid": "text/vnd.mermaid",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "pdf": "application/pdf",
}
#: How their files may end.
EXTENSIONS = {name: name for name in FORMATS} | {
    "txt": "text",
    "gv": "dot",
    "mmd": "mermaid",
    "jpeg": "jpg",
}

LINK = "#{kind}:{name}"
_HARMLESS = re.compile(r"https?://|[^:]*(?:$|[/?#])", re.IGNORECASE)  # no javascript: in a picture
_ABREAST = 5  # frames side by side, before a picture is rather drawn from left to right


class Picture(NamedTuple):
    """A picture of the graph."""

    content: bytes
    media_type: str


def draw(
    session: Session,
    names: Sequence[str] = (),
    *,
    form: str = "text",
    layout: str = "",
    gather: int = 4,
    link: str = LINK,
) -> Picture:
    """Draw all, or what ``names`` were made from and what was made from them.

    ``form`` is one of `FORMATS`; ``layout`` is ``horizontal``, siblings side by side, or
    ``vertical``, siblings below one another, or empty for what suits. From ``gather`` on,
    vertices with the same neighbours share a frame; 0 lets each have its own. ``link`` is
    where a click on a frame leads, with ``{kind}`` and ``{name}`` in it.
    """
    if form not in FORMATS:
        raise InvalidInput(f"cannot draw {form!r}", hint=f"there are: {', '.join(FORMATS)}")
    if layout not in {"", "horizontal", "vertical"}:
        raise InvalidInput(f"no layout called {layout!r}", hint="there are: horizontal, vertical")
    if not _HARMLESS.match(link):
        raise InvalidInput(f"not a link: {link[:80]!r}", hint="use an http or https URL, or a path")
    now = clock.moment(clock.seconds())
    with session.db.read() as txn:
        found = graph.collect(session.hook, txn)
        batches = session.hook.debrepo_signatures(txn=txn)
    if names:
        found = graph.around(found, names)
    signers = {name: signatures for batch in batches for name, signatures in batch.items()}
    found = found._replace(vertices=_signed(session, found.vertices, signers, now))
    cards = graph.gather(found, at_least=gather)
    downwards = layout == "horizontal" if layout else _widest(cards) <= _ABREAST
    content = _render(found, cards, form, Drawing(downwards, now, link))
    return Picture(content, FORMATS[form])


def _signed(
    session: Session,
    vertices: Mapping[str, Vertex],
    signers: Mapping[str, Sequence[MadeSignature]],
    now: datetime,
) -> dict[str, Vertex]:
    """Return the vertices with the keys that have signed them."""
    wanted = {one.fingerprint for name in vertices for one in signers.get(name, ())}
    expiry: dict[str, datetime | None] = dict.fromkeys(wanted)
    for fingerprint in wanted:
        with suppress(DebrepoError):  # the key is not here, or no longer
            (key,) = session.signer.resolve([fingerprint])
            expiry[fingerprint] = key.expires
    found = {}
    for name, vertex in vertices.items():
        keys = [(one.fingerprint, expiry[one.fingerprint]) for one in signers.get(name, ())]
        ends = filter(None, (words.key_runs_out(*key, now) for key in keys))
        found[name] = vertex._replace(
            remarks=(*vertex.remarks, *(words.signed(*key) for key in keys)),
            concerns=(*vertex.concerns, *ends),
        )
    return found


def names(session: Session, _: Mapping[str, Any]) -> list[str]:
    """Return what can be drawn, for a shell to complete."""
    with session.db.read() as txn:
        links = (link for batch in session.hook.debrepo_links(txn=txn) for link in batch)
        nodes = (node for batch in session.hook.debrepo_nodes(txn=txn) for node in batch)
        return [*(name for link in links for name in link[:2]), *(node.name for node in nodes)]


def _render(found: Graph, cards: Cards, form: str, style: Drawing) -> bytes:
    match form:
        case "text":
            return text.render(found, style).encode()
        case "mermaid":
            return mermaid.render(cards, style).encode()
        case "json":
            return _json(found)
        case "dot":
            return dot.render(cards, style).encode()
    # Graphviz 2.43 cuts off a quarter of an SVG of another resolution than its own.
    dpi = 72 if form == "svg" else 96
    return graphviz.draw(dot.render(cards, style, dpi=dpi), form)


def _json(found: Graph) -> bytes:
    import json

    nodes = [{**vertex._asdict(), "kind": vertex.kind} for vertex in found.vertices.values()]
    document = {"nodes": nodes, "links": [list(edge) for edge in found.edges]}
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _widest(cards: Cards) -> int:
    """Return how many frames stand side by side where most do, at the least."""
    waiting = Counter(target for _, target in cards.edges)
    following: list[list[int]] = [[] for _ in cards.cards]
    for source, target in cards.edges:
        following[source].append(target)
    level = [number for number in range(len(cards.cards)) if not waiting[number]]
    widest = 0
    while level:
        widest = max(widest, len(level))
        waiting.subtract(target for number in level for target in following[number])
        reached = {target for number in level for target in following[number]}
        level = [number for number in reached if not waiting[number]]
    return widest
