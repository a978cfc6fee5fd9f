"""Health: what a plugin finds when it looks after its part of an installation."""

from __future__ import annotations

from typing import Literal

from debrepo.values import NamedTuple

Severity = Literal["error", "warning"]


class Concern(NamedTuple):
    """Something that is wrong, or will be soon if nobody acts."""

    severity: Severity  #: an error harms clients or users now; a warning is for the days to come
    text: str
    hint: str = ""  #: what to do about it


class Checkup(NamedTuple):
    """Something that was looked at, and what is wrong with it: nothing, in most cases."""

    area: str  #: what kind of thing it is: ``publication``, ``key``, ``disk``
    name: str
    concerns: tuple[Concern, ...] = ()
    details: str = ""  #: what there is to know of it though nothing is wrong: a size, a date

    @property
    def status(self) -> str:
        """``ok``, or the worse of the severities: ``warning``, ``error``."""
        found = {concern.severity for concern in self.concerns}
        return "error" if "error" in found else "warning" if found else "ok"
