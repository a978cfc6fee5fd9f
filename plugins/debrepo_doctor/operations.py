"""What the doctor can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from debrepo.health import Checkup
    from debrepo.session import Session


def doctor(session: Session, *, thorough: bool = False) -> list[Checkup]:
    """Look at everything that clients and users need; ``thorough`` reads every file too.

    The plugins say what they have looked at, by the hook ``debrepo_health``; what is wrong comes
    with what to do about it.
    """
    from debrepo_doctor.examining import examine

    session.check_begun()
    return examine(session, thorough=thorough)
