"""Mermaid: the picture for Markdown, as GitLab and GitHub draw it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo_graph import words
from debrepo_graph.dot import paint

if TYPE_CHECKING:
    from debrepo_graph.graph import Card, Cards
    from debrepo_graph.words import Drawing

_PLAIN = " .,-+_/:"  # beside letters and digits; whatever else is written as a number
_FEW = 8  # names of a frame with many vertices


def render(cards: Cards, style: Drawing) -> str:
    """Return the picture as the text of a Mermaid flowchart."""
    out = [f"flowchart {'TD' if style.downwards else 'LR'}"]
    looks = sorted({(card.kind, card.members[0].known) for card in cards.cards})
    for number, (kind, known) in enumerate(looks):
        fill, line = paint(kind, known=known)
        dashes = "" if known else ",stroke-dasharray:4"
        out.append(f"  classDef k{number} fill:{fill},stroke:{line},color:#1f2933{dashes}")
    for number, card in enumerate(cards.cards):
        look = looks.index((card.kind, card.members[0].known))
        out.append(f'  n{number}["{_label(card, style)}"]:::k{look}')
        if len(card.members) == 1:
            out.append(f'  click n{number} href "{words.address(card.members[0], style.link)}"')
    out += [f"  n{source} --> n{target}" for source, target in cards.edges]
    return "\n".join(out) + "\n"


def _label(card: Card, style: Drawing) -> str:
    first, *others = card.members
    if not others:
        lines = [first.kind, words.short(first.title), *words.lines(first, style.now)]
        lines += [f"! {line}" for line in words.concerns(first, style.now)]
    else:
        lines = [f"{len(card.members)} × {card.kind}"]
        lines += [words.short(vertex.title) for vertex in card.members[:_FEW]]
        lines += ["…"] * (len(card.members) > _FEW)
    return "<br/>".join(map(_text, lines))


def _text(text: str) -> str:
    """Return ``text`` with everything as a number that Mermaid or HTML could take for a sign."""
    return "".join(c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in text)
