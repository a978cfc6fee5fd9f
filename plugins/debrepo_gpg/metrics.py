"""Metrics: how long the signing keys can be used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from debrepo.errors import DebrepoError
from debrepo.metrics import Metric
from debrepo_gpg.operations import list_

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.session import Session


def metrics(session: Session) -> Iterator[Metric]:
    """Yield how long each key that expires stays valid."""
    try:
        keys = list_(session)
    except DebrepoError:  # GnuPG is not there, or not well
        return
    for key in keys:
        if key.expires is not None:
            yield Metric(
                "debrepo_key_valid_days",
                "Days until a signing key expires.",
                (key.expires.timestamp() - time.time()) / 86400,
                {"key": key.fingerprint},
            )
