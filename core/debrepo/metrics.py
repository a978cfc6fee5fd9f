"""Metrics: numbers that a plugin has for the monitoring of its part of the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Metric(NamedTuple):
    """A number, under a name and labels as Prometheus has them."""

    name: str  #: ``debrepo_publication_age_seconds``
    help: str
    value: float
    labels: Mapping[str, str] = {}  # never changed
    kind: Literal["gauge", "counter", "summary"] = "gauge"
    family: str = ""  #: what a summary is called without ``_sum`` or ``_count``


class Amounts(NamedTuple):
    """Totals of requests with the same method, route and status."""

    requests: float = 0
    seconds: float = 0.0
    received: float = 0  #: bytes of bodies
    sent: float = 0


class Requests(Protocol):
    """The requests that a server has had so far."""

    in_flight: int
    uploaded: int  #: files

    def rows(self) -> Sequence[tuple[tuple[str, str, int], Amounts]]:
        """Return the amounts by method, route and status, sorted."""
