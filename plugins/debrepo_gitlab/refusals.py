"""Errors of this API, with the messages that GitLab's clients expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import DatabaseBusy, InvalidInput, NotFound, PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Malformed(InvalidInput):
    """A parameter is missing or invalid: ``codename is missing``."""


class Invalid(InvalidInput):
    """A distribution is invalid; `faults` lists what is wrong with each field."""

    def __init__(
        self, message: str, *, hint: str = "", faults: Mapping[str, list[str]] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.faults = dict(faults or {})

    @classmethod
    def of(cls, field: str, fault: str, *, hint: str = "") -> Invalid:
        """Return the error about one field: ``Invalid.of("suite", "is invalid")``."""
        return cls(f"{field} {fault}", hint=hint, faults={field: [fault]})


class Withheld(DatabaseBusy):
    """A group has to be published anew before clients may read it."""


class NotPublished(PluginError):
    """A change is stored, but clients cannot see it yet."""


class Moved(NotFound):
    """A project or group has another path now."""

    def __init__(self, kind: str, number: int) -> None:
        super().__init__(f"this {kind} has moved; its number is {number}")
        self.kind = kind
        self.number = number


class NoProject(NotFound):
    """There is no such project, or it is hidden."""


class NoGroup(NotFound):
    """There is no such group, or it is hidden."""


class NoDistribution(NotFound):
    """A project or group has no such distribution."""


class NoKey(NotFound):
    """A distribution has no key yet."""


class NoPackage(NotFound):
    """A project has no such package."""
