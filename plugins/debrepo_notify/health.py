"""Health: whether those who are to be told of events are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from debrepo.health import Checkup, Concern
from debrepo_notify import deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.session import Session

_LATE = 600  # seconds that a delivery may wait before there is a warning


def checkups(session: Session) -> Iterator[Checkup]:
    """Yield how deliveries to each target go."""
    now = time.time()
    with session.db.read() as txn:
        waiting = {first.target: first for first in deliveries.firsts(txn)}
        failed = txn[deliveries.COUNTS].get("failed") or 0
    for target in sorted({*waiting, *session.config.names("notify.to")}):
        first = waiting.get(target)
        concerns = []
        if first is not None and now - first.created > _LATE:
            why = f": {first.error}" if first.error else ""
            text = f"has not been told of {first.event} for {int(now - first.created)} s{why}"
            concerns.append(Concern("warning", text, 'run "debrepo notify list"'))
        yield Checkup("notification", target, tuple(concerns))
    if failed:
        text = f"{failed} deliveries have failed for good"
        yield Checkup(
            "notification", "all", (Concern("warning", text, 'run "debrepo notify list"'),)
        )
