"""Health: the rotations that are under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.health import Checkup, Concern
from debrepo_keyring import rotations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.session import Session


def checkups(session: Session) -> Iterator[Checkup]:
    """Yield each rotation that is not over; one that was interrupted is a concern."""
    with session.db.read() as txn:
        known = rotations.all_(txn)
    for one in known:
        if one.reached and not one.following:
            continue
        concern = Concern(
            "warning",
            f"is {one.stage} beside {one.old}, but not everything is signed so yet",
            'run "debrepo key rotate next"',
        )
        yield Checkup("rotation", one.new, () if one.reached else (concern,))
