"""Metrics: numbers that a plugin has for the monitoring of its part of the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Metric(NamedTuple):
    """A number, under a name and labels as Prometheus has them."""

    name: str  #: ``debrepo_publication_age_seconds``
    help: str
    value: float
    labels: Mapping[str, str] = {}  # never changed
    kind: Literal["gauge", "counter"] = "gauge"
