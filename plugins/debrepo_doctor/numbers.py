"""Metrics: what the last examination of a server found."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from debrepo.metrics import Metric
from debrepo_doctor.records import EXAMINATIONS, LAST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction


def metrics(txn: Transaction) -> Iterator[Metric]:
    """Yield how everything was, when that was, and how long it took."""
    last = txn[EXAMINATIONS].get(LAST)
    if last is None:
        return
    age = max(0.0, time.time() - last.at)
    yield Metric("debrepo_doctor_age_seconds", "Seconds since the last examination.", age)
    yield Metric(
        "debrepo_doctor_duration_seconds", "How long the last examination took.", last.seconds
    )
    counts = Counter((one.area, one.status) for one in last.seen)
    for area in sorted({one.area for one in last.seen}):
        for status in ("ok", "warning", "error"):
            yield Metric(
                "debrepo_doctor_things",
                "Things that were looked at, by how they were.",
                counts[area, status],
                {"area": area, "status": status},
            )
    for one in last.seen:
        if one.status != "ok":
            yield Metric(
                "debrepo_doctor_concern",
                "1 for each thing that is not all right.",
                1,
                {"area": one.area, "name": one.name, "severity": one.status},
            )
