"""Numbers for monitoring: what waits, since when, and what came of the rest."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from debrepo.metrics import Metric
from debrepo_notify import deliveries
from debrepo_notify.deliveries import COUNTS

if TYPE_CHECKING:
    from debrepo.database import Transaction


def metrics(txn: Transaction) -> list[Metric]:
    """Return the metrics of notifications; one delivery of each target is read, whatever waits."""
    counts = txn[COUNTS]
    now = time.time()
    age = max((now - first.created for first in deliveries.firsts(txn)), default=0.0)
    return [
        Metric("debrepo_notify_queued", "Deliveries that wait.", counts.get("queued", 0)),
        Metric("debrepo_notify_failed", "Deliveries that were given up.", counts.get("failed", 0)),
        Metric("debrepo_notify_age_seconds", "Age of the oldest first delivery of a target.", age),
        Metric(
            "debrepo_notify_delivered_total",
            "Deliveries so far.",
            counts.get("delivered", 0),
            kind="counter",
        ),
        Metric(
            "debrepo_notify_lost_total",
            "Events that were not queued, as the queue was full.",
            counts.get("lost", 0),
            kind="counter",
        ),
    ]
