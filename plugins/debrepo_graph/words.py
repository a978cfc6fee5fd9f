"""The words of a picture: counts, sizes and ages, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from debrepo.cli.output import size

if TYPE_CHECKING:
    from debrepo_graph.graph import Vertex

_SPANS = (
    ("year", 365 * 86400),
    ("month", 30 * 86400),
    ("week", 7 * 86400),
    ("day", 86400),
    ("hour", 3600),
    ("minute", 60),
)
_WIDTH = 44  # characters of a title or remark before it is cut in the middle


class Drawing(NamedTuple):
    """How one picture is drawn."""

    downwards: bool  #: from the top to the bottom, or from the left to the right
    now: datetime  #: what ages are counted from
    link: str  #: where a click leads, with ``{kind}`` and ``{name}`` in it


def amount(vertex: Vertex) -> str:
    """Return how much a vertex holds: ``2 packages, 1.5 MiB``."""
    if not vertex.known:
        return "dropped"
    if not vertex.packages:
        return "empty"
    noun = "package" if vertex.packages == 1 else "packages"
    return f"{vertex.packages:,} {noun}, {size(vertex.bytes)}"


def ago(since: str, now: datetime) -> str:
    """Return how long ago something was: ``3 weeks ago``; nothing where nobody noted it."""
    if not since:
        return ""
    then = datetime.fromisoformat(since)
    seconds = (now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds()
    for noun, span in _SPANS:
        if seconds >= 2 * span or (seconds >= span and noun in {"hour", "minute"}):
            number = int(seconds // span)
            return f"{number} {noun}{'s' * (number > 1)} ago"
    return "just now"


def short(text: str) -> str:
    """Return ``text``, with the middle left out where it is long."""
    if len(text) <= _WIDTH:
        return text
    return f"{text[: _WIDTH * 2 // 3]}…{text[-_WIDTH // 3 :]}"


def lines(vertex: Vertex, now: datetime) -> list[str]:
    """Return what a picture says below a title."""
    said = [amount(vertex), ago(vertex.since, now), *map(short, vertex.remarks)]
    return [line for line in said if line]


def address(vertex: Vertex, link: str) -> str:
    """Return where a click on a vertex leads."""
    kind, name = quote(vertex.kind), quote(vertex.title, safe="")
    return link.replace("{kind}", kind).replace("{name}", name)
