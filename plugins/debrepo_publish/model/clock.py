"""The time to write into what is published."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from debrepo.errors import InvalidInput

_LONGEST = 11  # digits; more are beyond the year 9999


def seconds() -> int:
    """Return the current time in seconds since the epoch, or ``SOURCE_DATE_EPOCH`` if it is set.

    See https://reproducible-builds.org/specs/source-date-epoch/.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return int(time.time())
    if not text.isdecimal() or len(text) > _LONGEST:
        raise InvalidInput(f"SOURCE_DATE_EPOCH has to be a number of seconds, found {text!r}")
    return int(text)


def moment(at: int) -> datetime:
    """Return seconds since the epoch as a date in UTC."""
    return datetime.fromtimestamp(at, UTC)
