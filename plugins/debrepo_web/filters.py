"""Filters: how templates show sizes, times and addresses of pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote

from debrepo import clock

_UNITS = ("B", "kB", "MB", "GB", "TB")
_SPANS = (("year", 31536000), ("month", 2592000), ("day", 86400), ("hour", 3600), ("minute", 60))


def size(count: float) -> str:
    """Return a number of bytes for people: ``1.5 MB``."""
    for unit in _UNITS[:-1]:
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} {_UNITS[-1]}"


def number(count: int) -> str:
    """Return a number with thin spaces between thousands."""
    return f"{count:,}".replace(",", "\u202f")


def moment(seconds: float) -> str:
    """Return a time as ``2026-11-28 12:00``, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def stamp(text: str) -> str:
    """Return a time in ISO 8601 as `moment` shows it."""
    return text[:16].replace("T", " ")


def segment(text: str) -> str:
    """Return text as one segment of a path; ``.``, which browsers take away, as ``-``."""
    return "-" if text == "." else quote(text, safe=":@+~,=")


def url(*parts: str) -> str:
    """Return the address of a page: ``url("repos", "main")`` is ``/web/repos/main``."""
    return "/".join(["/web", *map(segment, parts)])


class PlacedDistribution(Protocol):
    """A distribution and its place, as a publication has them."""

    @property
    def distribution(self) -> str: ...
    @property
    def place(self) -> str: ...


def place_of(segment: str) -> str:
    """Return the place that a segment of an address stands for; see `publication_url`."""
    return "." if segment == "-" else segment


def publication_url(one: PlacedDistribution, *parts: str) -> str:
    """Return the address of the page of a publication, or of one below it.

    A prefix that is called ``-`` is ``./-``, as ``-`` stands for the root of the storage.
    """
    place = "./-" if one.place == "-" else one.place
    return url("publications", place, one.distribution, *parts)


def list_url(source: str) -> str:
    """Return the address of the page of a package list, given as ``kind:name``."""
    kind, _, name = source.partition(":")
    plurals = {"repo": "repos", "mirror": "mirrors", "snapshot": "snapshots"}
    return url(plurals[kind], name) if kind in plurals else ""


def ago(seconds: float) -> str:
    """Return how long ago a time was, in the largest unit: ``3 days ago``."""
    past = max(clock.now() - int(seconds), 0)
    for name, length in _SPANS:
        if past >= length:
            count = past // length
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"


def iso(seconds: float) -> str:
    """Return a time as machines read it: ``2026-11-28T12:00:00Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


FILTERS = {
    "size": size,
    "number": number,
    "moment": moment,
    "stamp": stamp,
    "ago": ago,
    "iso": iso,
}
GLOBALS = {"url": url, "publication_url": publication_url, "list_url": list_url}
