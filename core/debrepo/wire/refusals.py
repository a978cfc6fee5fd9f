"""Refusals of a service, and the time by its clock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import RemoteError

if TYPE_CHECKING:
    from datetime import datetime

    from debrepo.wire.transfer import WireAnswer

_FIELDS = re.compile(rb"<(Code|Message)>([^<]*)</")
_LONGEST = 500


class Reason(NamedTuple):
    """Why a service refused a request."""

    status: int
    code: str = ""
    message: str = ""

    def __str__(self) -> str:
        said = f"status {self.status}"
        if self.code or self.message:
            said += f", {self.code}: {self.message}".rstrip(": ")
        return said


class Refused(RemoteError):
    """The service refused a request."""

    def __init__(self, message: str, *, hint: str = "", status: int = 0, code: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code


def reason(answer: WireAnswer) -> Reason:
    """Return the reason that an answer names in XML, as Amazon, Google and Azure do."""
    found = dict(_FIELDS.findall(answer.body[:65536]))
    code, message = (
        " ".join(found.get(name, b"").decode(errors="replace").split())[:_LONGEST]
        for name in (b"Code", b"Message")
    )
    return Reason(answer.status, code, message)


def age(answer: WireAnswer, moment: datetime) -> float:
    """Return how long ago ``moment`` was when the service gave ``answer``, by its own clock."""
    from time import time

    said = answer.headers.get("date", "")
    return (date(said).timestamp() if said else time()) - moment.timestamp()


def date(text: str) -> datetime:
    """Return the moment that a header names, ``Last-Modified`` or ``Date``."""
    from datetime import UTC
    from email.utils import parsedate_to_datetime  # slow to import, and few answers need it

    return parsedate_to_datetime(text).replace(tzinfo=UTC)
