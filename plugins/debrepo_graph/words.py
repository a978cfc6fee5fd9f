"""The words of a picture: counts, sizes and ages, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
_LITTLE = 4  # of its time of validity, this part is left when a publication needs attention
_SOON = timedelta(days=30)  # left of the time of a key that needs attention
_KEY_ID = 16  # digits of a fingerprint that are shown
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
    span = _span(now - moment(since))
    return f"{span} ago" if span else "just now"


def moment(text: str) -> datetime:
    """Return a moment in ISO 8601, which is in UTC unless it says something else."""
    then = datetime.fromisoformat(text)
    return then if then.tzinfo else then.replace(tzinfo=UTC)


def _span(time: timedelta) -> str:
    """Return a length of time: ``3 weeks``; nothing if it is below a minute."""
    seconds = time.total_seconds()
    for noun, span in _SPANS:
        if seconds >= 2 * span or (seconds >= span and noun in {"hour", "minute"}):
            number = int(seconds // span)
            return f"{number} {noun}{'s' * (number > 1)}"
    return ""


def short(text: str) -> str:
    """Return ``text``, with the middle left out where it is long."""
    if len(text) <= _WIDTH:
        return text
    return f"{text[: _WIDTH * 2 // 3]}…{text[-_WIDTH // 3 :]}"


def lines(vertex: Vertex, now: datetime) -> list[str]:
    """Return what a picture says below a title, but for `concerns`."""
    said = [amount(vertex), ago(vertex.since, now), *map(short, vertex.remarks)]
    if vertex.until and not _runs_out(vertex, now):
        said.append(_validity(vertex, now))
    return [line for line in said if line]


def concerns(vertex: Vertex, now: datetime) -> list[str]:
    """Return what needs attention: what is behind, runs out, or has run out."""
    runs_out = [_validity(vertex, now)] if vertex.until and _runs_out(vertex, now) else []
    return [*map(short, vertex.concerns), *runs_out]


def _validity(vertex: Vertex, now: datetime) -> str:
    until = moment(vertex.until)
    if until <= now:
        return f"expired {ago(vertex.until, now)}"
    return f"valid for {_span(until - now) or 'less than a minute'}"


def _runs_out(vertex: Vertex, now: datetime) -> bool:
    """Return whether less than a quarter of its time is left."""
    until = moment(vertex.until)
    since = moment(vertex.since) if vertex.since else until
    return until - now < (until - since) / _LITTLE


def signed(fingerprint: str, expires: datetime | None) -> str:
    """Return who has signed, and until when that key can be used."""
    until = f" until {expires:%Y-%m-%d}" if expires else ""
    return f"signed by {fingerprint[-_KEY_ID:]}{until}"


def key_runs_out(fingerprint: str, expires: datetime | None, now: datetime) -> str:
    """Return that a key has expired or soon will; nothing if it is well."""
    if expires is None or expires - now > _SOON:
        return ""
    if expires <= now:
        return f"key {fingerprint[-_KEY_ID:]} has expired"
    return f"key {fingerprint[-_KEY_ID:]} expires in {_span(expires - now) or 'a moment'}"


def address(vertex: Vertex, link: str) -> str:
    """Return where a click on a vertex leads."""
    kind, name = quote(vertex.kind), quote(vertex.title, safe="")
    return link.replace("{kind}", kind).replace("{name}", name)
