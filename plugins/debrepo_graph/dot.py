"""DOT: the picture as Graphviz reads it."""

from __future__ import annotations

import math
from html import escape
from itertools import count, islice
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

_INK, _PALE, _ALARM = "#1f2933", "#5f6b76", "#c53030"
_GAP = '<td width="14"></td>'
_TALL, _LOW = 26, 12  # rows before a frame gets another column, beside others and above them


def paint(kind: str, *, known: bool = True) -> Paint:
    """Return the colours to draw a kind of vertex in."""
    return PAINTS.get(kind, OTHER) if known else GONE


def render(cards: Cards, style: Drawing, *, dpi: int = 96) -> str:
    """Return the picture in DOT."""
    out = [
        "digraph debrepo {",
        f"  rankdir={'TB' if style.downwards else 'LR'};",
        '  graph [bgcolor="white", pad=0.3, nodesep=0.18, ranksep=0.55,'
        f" dpi={dpi},"
        ' pack=28, packmode="array_it"];',  # with l or r, too, Graphviz 2.43 lets parts overlap
        f"  {_legend(cards, style)}",
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
    column and from the bottom up where the picture goes from left to right. There, the last
    column lacks what is at the top of the others.
    """
    parts = _parts(cards)
    if not style.downwards:
        height = max(math.ceil(len(parts) ** 0.5), 1)
        full, rest = divmod(len(parts), height)
        ahead = iter(parts)
        rows = [list(islice(ahead, full + (row >= height - rest))) for row in range(height)]
        columns = ([row[place] for row in reversed(rows) if place < len(row)] for place in count())
        parts = [part for column in islice(columns, full + 1) for part in column]
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
    parts = sorted(sorted(found) for found in unique.values())
    return sorted(parts, key=lambda found: -sum(_height(cards.cards[one]) for one in found))


def _height(card: Card) -> int:
    """Return about how many lines a frame is high; parts of one height stand side by side."""
    return 3 + len(card.members) // 3


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
    rows += [_alarming(line) for line in words.concerns(vertex, style.now)]
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
    said = _small(", ".join(words.lines(vertex, style.now)[:2]))
    said += "".join(_alarming(f", {line}") for line in words.concerns(vertex, style.now)[:1])
    attributes = {
        "id": vertex.name,
        "href": words.address(vertex, style.link),
        "tooltip": _tooltip(vertex, style),
    }
    given = " ".join(f'{name}="{_text(value)}"' for name, value in attributes.items())
    name = f'<td align="left" {given}><b>{_text(words.short(vertex.title))}</b></td>'
    return f'{name}<td align="left">{said}</td>'


def _caption(text: str, colours: Paint) -> str:
    return f'<font point-size="9" color="{colours.line}">{_text(text)}</font>'


def _small(text: str) -> str:
    return f'<font point-size="10" color="{_PALE}">{_text(text)}</font>'


def _alarming(text: str) -> str:
    return f'<font point-size="10" color="{_ALARM}">{_text(text)}</font>'


def _legend(cards: Cards, style: Drawing) -> str:
    """Return the label of the picture: what the colours stand for, and when it was drawn."""
    known = {card.kind for card in cards.cards if card.members[0].known}
    kinds = [*(kind for kind in PAINTS if kind in known), *sorted(known - PAINTS.keys())]
    cells = [
        f'<td border="1" style="rounded" color="{paint(kind).line}" bgcolor="{paint(kind).fill}">'
        f"{_small(kind)}</td>"
        for kind in kinds
    ]
    if any(not card.members[0].known for card in cards.cards):
        colours = f'color="{GONE.line}" bgcolor="{GONE.fill}"'
        cells.append(f'<td border="1" style="dashed" {colours}>{_small("dropped")}</td>')
    members = (vertex for card in cards.cards for vertex in card.members)
    if any(words.concerns(vertex, style.now) for vertex in members):
        cells.append(f"<td>{_alarming('needs attention')}</td>")
    cells.append(f"<td>{_small(f'{style.now:%Y-%m-%d %H:%M} UTC')}</td>")
    table = '<table border="0" cellborder="0" cellspacing="6" cellpadding="3">'
    label = f"{table}<tr>{''.join(cells)}</tr></table>"
    return f'label=<{label}>; labelloc=t; labeljust=l; fontname="Helvetica,Arial,sans-serif";'


def _tooltip(vertex: Vertex, style: Drawing) -> str:
    said = (*words.lines(vertex, style.now), *words.concerns(vertex, style.now))
    return "; ".join([vertex.name, *said])


def _text(text: str) -> str:
    """Return ``text`` for a label, where everything that is not a plain letter could count."""
    return escape("".join(c if c.isprintable() else "�" for c in text)) or " "


def _quote(text: str) -> str:
    """Return ``text`` as a DOT string; backslashes and entities would mean something in it."""
    return f'"{_text(text).replace(chr(92), "&#92;")}"'
