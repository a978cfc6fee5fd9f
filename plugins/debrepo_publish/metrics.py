"""Metrics of publications: their age, size and expiry."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from debrepo.metrics import Metric
from debrepo_publish.model.publication import generation_key
from debrepo_publish.model.tables import GENERATIONS, PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction


def metrics(txn: Transaction) -> Iterator[Metric]:
    """Yield the age of each publication, its packages, and the days until clients refuse it."""
    now = time.time()
    packages: dict[tuple[str, ...], int] = {}
    for publication in txn[PUBLICATIONS].values():
        live = txn[GENERATIONS].get(generation_key(publication.key, publication.live))
        if live is None:
            continue
        labels = {"publication": str(publication)}
        yield Metric(
            "debrepo_publication_age_seconds",
            "Seconds since the live generation was published.",
            now - datetime.fromisoformat(live.created).timestamp(),
            labels,
        )
        yield Metric(
            "debrepo_publication_generation", "Number of the live generation.", live.number, labels
        )
        if live.expires:
            yield Metric(
                "debrepo_publication_valid_days",
                "Days until clients refuse it: Valid-Until.",
                (live.expires - now) / 86400,
                labels,
            )
        for component, part in live.parts.items():
            source = f"[{part.source.partition(':')[2]}:{component}]"
            packages[source, publication.distribution, component] = sum(part.architectures.values())
    for named, count in packages.items():  # aptly's name and labels, for its dashboards
        yield Metric(
            "aptly_repos_package_count",
            "Packages that are published.",
            count,
            dict(zip(("source", "distribution", "component"), named, strict=True)),
        )
