"""The dates of Release files: when one was made, and how long it holds."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from debrepo.errors import VerificationFailed
from debrepo.transport import NOTHING_KNOWN

if TYPE_CHECKING:
    from debrepo.transport import Validators

#: Seconds that the clock of an archive may be ahead of ours.
SKEW = 600

_SETTLED = 3  # seconds after which a file is not replaced in the second of its date any more

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = re.compile(
    r"(?:[A-Za-z]+,\s+)?(\d{1,2})\s+([A-Za-z]{3})[a-z]*\s+(\d{4})\s+"
    r"(\d{1,2}):(\d\d)(?::(\d\d))?\s*(UTC|GMT|Z|[+-]\d{4})"
)
_OVERRIDE = "use --ignore-dates if you know why"


def seconds(text: str) -> int | None:
    """Return a date in Unix time, or ``None`` for what is none; calendars are slow to import."""
    found = _DATE.fullmatch(text.strip())
    if found is None or found[2].lower() not in _MONTHS:
        return None
    day, month, year = int(found[1]), _MONTHS.index(found[2].lower()) + 1, int(found[3])
    hour, minute, second = int(found[4]), int(found[5]), int(found[6] or 0)
    zone = found[7]
    offset = 0 if zone[0] not in "+-" else int(zone[:3]) * 60 + int(zone[0] + zone[3:])
    return ((_days(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second


def _days(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01, of the Gregorian calendar."""
    if month <= 2:
        year, month = year - 1, month + 12
    leap = year // 4 - year // 100 + year // 400
    return 365 * year + leap + (153 * month - 457) // 5 + day - 719469


def check(date: str, valid_until: str, *, where: str, seen: str = "", now: float = 0) -> None:
    """Raise `VerificationFailed` unless a Release file is one of today.

    It may be neither of the future, nor expired, nor older than the one that was ``seen`` last:
    an attacker, or a stale cache, can serve an old one with its good signature.
    """
    now = now or time.time()
    made, ends, last = (_known(text, name, where) for text, name in (
        (date, "Date"), (valid_until, "Valid-Until"), (seen, "Date"),
    ))  # fmt: skip
    if made is not None and made > now + SKEW:
        raise VerificationFailed(
            f"{where} is of {date}, which is in the future",
            hint=f"check the clock of this machine, or {_OVERRIDE}",
        )
    if ends is not None and ends < now:
        raise VerificationFailed(
            f"{where} has expired: it was valid until {valid_until}",
            hint=f"the archive, or a cache before it, is not kept up to date; {_OVERRIDE}",
        )
    if made is not None and last is not None and made < last:
        raise VerificationFailed(
            f"{where} is of {date}, which is older than the one of the last update, of {seen}",
            hint=f"the archive, or a cache before it, serves an old state; {_OVERRIDE}",
        )


def lasting(validators: Validators, now: float = 0) -> Validators:
    """Return what a file is recognized by, unless it is so new that another one may have the same.

    Servers make entity tags of whole seconds and sizes: an archive that is published twice in one
    second has one tag for both states, and would be taken for unchanged for ever.
    """
    modified = seconds(validators.modified)
    young = modified is not None and (now or time.time()) - modified < _SETTLED
    return NOTHING_KNOWN if young else validators


def expired(valid_until: str, now: float = 0) -> bool:
    """Tell whether a Release file holds no longer."""
    ends = seconds(valid_until) if valid_until else None
    return ends is not None and ends < (now or time.time())


def _known(text: str, field: str, where: str) -> int | None:
    if not text:
        return None
    found = seconds(text)
    if found is None:
        raise VerificationFailed(
            f"{where}: {field} is {text[:80]!r}, which is no date", hint=_OVERRIDE
        )
    return found
