"""DOT: the picture as Graphviz reads it."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from debrepo_graph import words

if TYPE_CHECKING:
    from debrepo_graph.graph import Card, Cards, Vertex
    from debrepo_graph.words import Drawing


class Paint(NamedTuple):
    """The colours of one kind of vertex."""

    fill: str
    line: str


PAINTS = {
    "mirror": Paint("#fdf1d8", "#b7791f"),
    "repo": Paint("#e2f3e5", "#2f855a"),
    "snapshot": Paint("#e1eefb", "#2b6cb0"),
    "publication": Paint("#eee6fa", "#6b46c1"),
}
OTHER = Paint("#e6f4f4", "#2c7a7b")  #: of kinds that somebody else's plugin brings
GONE = Paint("#f4f4f5", "#a0a6ad")  #: of what only a link still speaks of

_INK, _PALE = "#1f2933", "#5f6b76"
_GAP = '<td width="14"></td>'
_TALL, _LOW = 26, 12  # rows before a frame gets another column, beside others and above them


def paint(kind: str, *, known: bool = True) -> Paint:
    """Return the colours to draw a kind of vertex in."""
    return PAINTS.get(kind, OTHER) if known else GONE


def render(cards: Cards, style: Drawing) -> str:
    """Return the picture in DOT."""
    out = [
        "digraph debrepo {",
        f"  rankdir={'TB' if style.downwards else 'LR'};",
        '  graph [bgcolor="white", pad=0.3, nodesep=0.18, ranksep=0.55, dpi=96,'
        ' pack=28, packmode="array_itl"];',
        '  node [shape=box, style="rounded,filled", margin="0.12,0.07", penwidth=1.2,'
        f' height=0.3, fontname="Helvetica,Arial,sans-serif", fontsize=12, fontcolor="{_INK}"];',
        f'  edge [color="{_PALE}", arrowsize=0.6, penwidth=1.1,'
        f" {'tailport=s, headport=n' if style.downwards else 'tailport=e, headport=w'}];",
    ]
    sequence = _sequence(cards, style)
    out += [f"  n{number} {_node(cards.cards[number], style)};" for number in sequence]
    out += [f"  n{source} -> n{target};" for source, target in cards.edges]
    return "\n".join([*out, "}"]) + "\n"


def _sequence(cards: Cards, style: Drawing) -> list[int]:
    """Return the frames in the order in which Graphviz has to hear of them.

    It packs unconnected parts into a square array in that order: row by row, but column by
    column and from the bottom up where the picture goes from left to right.
    """
    parts = _parts(cards)
    if not style.downwards:
        rows = max(math.ceil(len(parts) ** 0.5), 1)
        starts = range(0, len(parts), rows)
        parts = [part for start in starts for part in reversed(parts[start : start + rows])]
    return [number for part in parts for number in part]


def _parts(cards: Cards) -> list[list[int]]:
    """Return the frames that hang together, each part in order."""
    part = {number: [number] for number in range(len(cards.cards))}
    for one, other in cards.edges:
        if part[one] is not part[other]:
            part[one] += part[other]
            for number in part[other]:
                part[number] = part[one]
    unique = {id(found): found for found in part.values()}
    return sorted(sorted(found) for found in unique.values())


def _node(card: Card, style: Drawing) -> str:
    first = card.members[0]
    colours = paint(card.kind, known=first.known)
    attributes = {"fillcolor": colours.fill, "color": colours.line}
    if not first.known:
        attributes["style"] = "rounded,filled,dashed"
    if len(card.members) == 1:
        attributes |= {
            "id": first.name,
            "URL": words.address(first, style.link),
            "tooltip": _tooltip(first, style),
        }
        label = _single(first, colours, style)
    else:
        label = _many(card, colours, style)
    given = ", ".join(f"{name}={_quote(value)}" for name, value in attributes.items())
    return f"[{given}, label=<{label}>]"


def _single(vertex: Vertex, colours: Paint, style: Drawing) -> str:
    rows = [_caption(vertex.kind, colours), f"<b>{_text(words.short(vertex.title))}</b>"]
    rows += [_small(line) for line in words.lines(vertex, style.now)]
    cells = "".join(f'<tr><td align="left">{row}</td></tr>' for row in rows)
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{cells}</table>'


def _many(card: Card, colours: Paint, style: Drawing) -> str:
    """Return a table with a row for each vertex, in as many columns as it takes."""
    count = len(card.members)
    columns = -(-count // (_LOW if style.downwards else _TALL))
    columns = min(columns, math.ceil((count / 8) ** 0.5))
    rows = -(-count // columns)
    columns = -(-count // rows)
    title = _caption(f"{count} × {card.kind}", colours)
    lines = [f'<tr><td align="left" colspan="{columns * 3 - 1}">{title}</td></tr>']
    for row in range(rows):
        cells = [_row(vertex, style) for vertex in card.members[row::rows]]
        lines.append(f"<tr>{_GAP.join(cells)}</tr>")
    table = '<table border="0" cellborder="0" cellspacing="0" cellpadding="2">'
    return f"{table}{''.join(lines)}</table>"


def _row(vertex: Vertex, style: Drawing) -> str:
    said = ", ".join(words.lines(vertex, style.now)[:2])
    attributes = {
        "id": vertex.name,
        "href": words.address(vertex, style.link),
        "tooltip": _tooltip(vertex, style),
    }
    given = " ".join(f'{name}="{_text(value)}"' for name, value in attributes.items())
    name = f'<td align="left" {given}><b>{_text(words.short(vertex.title))}</b></td>'
    return f'{name}<td align="left">{_small(said)}</td>'


def _caption(text: str, colours: Paint) -> str:
    return f'<font point-size="9" color="{colours.line}">{_text(text)}</font>'


def _small(text: str) -> str:
    return f'<font point-size="10" color="{_PALE}">{_text(text)}</font>'


def _tooltip(vertex: Vertex, style: Drawing) -> str:
    return "; ".join([vertex.name, *words.lines(vertex, style.now)])


def _text(text: str) -> str:
    """Return ``text`` for a label, where everything that is not a plain letter could count."""
    return escape("".join(c if c.isprintable() else "�" for c in text)) or " "


def _quote(text: str) -> str:
    """Return ``text`` as a DOT string; backslashes and entities would mean something in it."""
    return f'"{_text(text).replace(chr(92), "&#92;")}"'
