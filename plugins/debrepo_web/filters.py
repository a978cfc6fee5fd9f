"""Filters: how templates show sizes, times and addresses of pages."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

_UNITS = ("B", "kB", "MB", "GB", "TB")


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


FILTERS = {"size": size, "number": number, "moment": moment, "stamp": stamp}
GLOBALS = {"url": url}
