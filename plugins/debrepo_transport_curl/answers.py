"""What a server answers before the bytes of a file, and what its numbers mean."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

from debrepo.transport import Validators

if TYPE_CHECKING:
    from collections.abc import Sequence

#: That may be over in a moment: the server is busy, or something between is.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
MISSING = frozenset({404, 410})
MOVED = frozenset({301, 302, 303, 307, 308})
_LONGEST = 24 * 3600.0
_STATUS = 40  # bytes of a line that has the status in it
_NAMES = (b"etag", b"last-modified", b"content-range", b"retry-after", b"location")


def _in_any_case(name: bytes) -> bytes:
    """Return a pattern for a name, which is found in half of the time that re.IGNORECASE takes."""
    return b"".join(b"[%b%b]" % (letter.upper(), letter) for letter in _letters(name))


def _letters(text: bytes) -> list[bytes]:
    return [text[at : at + 1] for at in range(len(text))]


_FIELD = re.compile(rb"\n(%b)[ \t]*:([^\r\n]*)" % b"|".join(map(_in_any_case, _NAMES)))


class HttpAnswer(NamedTuple):
    """A status with those header fields that mean something here; their names in lower case."""

    status: int
    fields: dict[bytes, bytes]

    @property
    def validators(self) -> Validators:
        """What the server recognizes this state of the file by."""
        fields = self.fields
        return Validators(
            fields.get(b"etag", b"").decode("latin-1"),
            fields.get(b"last-modified", b"").decode("latin-1"),
        )

    @property
    def start(self) -> int:
        """Where the range begins that follows; -1 if the answer does not say."""
        words = self.fields.get(b"content-range", b"").split()
        if len(words) != 2 or words[0].lower() != b"bytes":
            return -1
        first = words[1].partition(b"-")[0]
        return int(first) if first.isdigit() else -1

    @property
    def after(self) -> float:
        """Seconds for which the server wants to be left alone."""
        text = self.fields.get(b"retry-after", b"").decode("latin-1").strip()
        if text.isdecimal():
            return min(float(text), _LONGEST)
        from email.utils import parsedate_to_datetime  # slow to import, and rarely needed

        try:
            due = parsedate_to_datetime(text).timestamp() if text else 0.0
        except ValueError:
            return 0.0
        return min(max(0.0, due - time.time()), _LONGEST) if due else 0.0

    @property
    def location(self) -> str:
        """Where the file is instead."""
        return self.fields.get(b"location", b"").decode("latin-1")

    def __str__(self) -> str:
        from http import HTTPStatus

        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return str(self.status)


def read(lines: Sequence[bytes]) -> HttpAnswer:
    """Return the last answer among the header lines of a transfer; proxies answer before."""
    text = b"".join(lines)
    begin = text.rfind(b"\nHTTP/") + 1
    number = text[begin : begin + _STATUS].split(None, 2)[1:2] if text[:5] == b"HTTP/" else []
    status = int(number[0]) if number and number[0].isdigit() else 0
    found = _FIELD.findall(text, begin)
    return HttpAnswer(status, {name.lower(): value.strip() for name, value in found})


def if_range(validators: Validators) -> str:
    """Return the validator to make a range depend on; weak tags are not allowed there."""
    if validators.etag and not validators.etag.startswith("W/"):
        return validators.etag
    return validators.modified


def condition(validators: Validators) -> list[str]:
    """Return the header fields of a conditional request."""
    if validators.etag:
        return [f"If-None-Match: {validators.etag}"]
    if validators.modified:
        return [f"If-Modified-Since: {validators.modified}"]
    return []
