"""Refusals of a service, and the time by its clock."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from debrepo.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Refused(RemoteError):
    """The service refused a request."""

    def __init__(self, message: str, *, hint: str = "", status: int = 0, code: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code


def age(answer: Mapping[str, Any], moment: datetime) -> float:
    """Return how long ago ``moment`` was when the service gave ``answer``, by its own clock."""
    said = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    now = parsedate_to_datetime(said) if said else datetime.now(UTC)
    return (now.replace(tzinfo=UTC) - moment).total_seconds()
