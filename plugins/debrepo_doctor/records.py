"""What the last examination of a server found, for its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.database import json_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.health import Checkup

LAST = "last"


class Seen(NamedTuple):
    """How something was: ``ok``, ``warning`` or ``error``."""

    area: str
    name: str
    status: str
    texts: tuple[str, ...]


class Examination(NamedTuple):
    """When a server looked at everything, and how it was."""

    at: int  #: seconds since the epoch
    seconds: float  #: how long it took
    seen: tuple[Seen, ...]


def examined(at: int, seconds: float, found: Iterable[Checkup]) -> Examination:
    """Return the record of checkups."""
    seen = (
        Seen(each.area, each.name, each.status, tuple(one.text for one in each.concerns))
        for each in found
    )
    return Examination(at, seconds, tuple(seen))


def _load(fields: dict[str, Any]) -> Examination:
    seen = tuple(
        Seen(area, name, status, tuple(texts)) for area, name, status, texts in fields["seen"]
    )
    return Examination(fields["at"], fields["seconds"], seen)


EXAMINATIONS = json_table(
    "doctor.examinations", load=_load, dump=Examination._asdict, record=Examination
)
