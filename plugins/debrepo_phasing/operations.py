"""What can be done: functions on a session, which open the transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo_phasing import rollouts

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_phasing.rollouts import RaisedPhase


def raise_(session: Session) -> list[RaisedPhase]:
    """Offer to more machines what its schedule says by now; return what has been raised."""
    return rollouts.raise_(session)
