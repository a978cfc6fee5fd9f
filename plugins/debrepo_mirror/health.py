"""Health: whether mirrors have all that their archives offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.health import Checkup, Concern
from debrepo_mirror.tables import MIRRORS
from debrepo_mirror.upstream.dates import expired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.session import Session
    from debrepo_mirror.mirror import Mirror


def checkups(session: Session) -> Iterator[Checkup]:
    """Yield how each mirror is, as its last update has left it."""
    with session.db.read() as txn:
        known = list(txn[MIRRORS].values())
    for mirror in known:
        yield Checkup("mirror", mirror.name, tuple(_concerns(mirror)))


def _concerns(mirror: Mirror) -> Iterator[Concern]:
    hint = f'run "debrepo mirror update {mirror.name}"'
    if not mirror.updated:
        yield Concern("warning", "has never been updated", hint)
    if mirror.partial:
        yield Concern("warning", "files were missing at the last update", hint)
    until = mirror.release_field("Valid-Until")
    if not mirror.ignore_dates and expired(until):
        yield Concern("warning", f"its Release file was valid until {until}", hint)
