"""The time: what the clock says, and what is written, so that equal input gives equal bytes."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime

from debrepo.errors import InvalidInput

_LONGEST = 11  # digits; more are beyond the year 9999

#: How long spans of time are, by the letter behind their number.
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
_SPAN = re.compile(r"[0-9]{1,5}[hdwy]")


def epoch() -> int | None:
    """Return ``SOURCE_DATE_EPOCH`` in seconds; ``None`` if it is not set.

    Raise `InvalidInput` unless it is a number of seconds that dates can have. See
    https://reproducible-builds.org/specs/source-date-epoch/.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST:
        raise InvalidInput(f"SOURCE_DATE_EPOCH has to be a number of seconds, found {text[:40]!r}")
    return int(text)


def now() -> int:
    """Return what the clock says, in seconds since the epoch.

    Whether something has expired, or may be deleted, depends on this and on nothing else.
    """
    return int(time.time())


def seconds() -> int:
    """Return the time to write into what is made: ``SOURCE_DATE_EPOCH`` if it is set, or now."""
    given = epoch()
    return now() if given is None else given


def moment(at: int) -> datetime:
    """Return seconds since the epoch as a date in UTC."""
    return datetime.fromtimestamp(at, UTC)


def parse_duration(text: str) -> int:
    """Return the seconds that ``14d``, ``12h`` or ``90s`` are; a bare number is seconds."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "s")
    if not number.isdecimal():
        raise InvalidInput(
            f"not a length of time: {text!r}", hint="write it as 90s, 30m, 12h, 14d or 2w"
        )
    return int(number) * _UNITS[unit]


def span(text: str) -> int:
    """Return the seconds of a span of time: ``12h``, ``30d``, ``4w``, ``1y``; none of nothing.

    It is for what decides what may go: a number without a unit, or an ``m``, might not mean what
    `parse_duration` takes it for.
    """
    if not text:
        return 0
    if not _SPAN.fullmatch(text):
        raise InvalidInput(
            f"{text[:40]!r} is no span of time",
            hint="give a number of hours, days, weeks or years: 12h, 30d, 4w, 1y",
        )
    return parse_duration(text)


def spelled(seconds: int) -> str:
    """Return a span of time as `span` takes it, in the largest unit that fits."""
    for letter, size in reversed(_UNITS.items()):
        if seconds and not seconds % size:
            return f"{seconds // size}{letter}"
    return ""
