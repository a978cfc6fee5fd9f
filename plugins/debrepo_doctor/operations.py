"""What the doctor can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import NotFound

if TYPE_CHECKING:
    from debrepo.health import Checkup
    from debrepo.session import Session


def doctor(session: Session, *, thorough: bool = False) -> list[Checkup]:
    """Look at everything that clients and users need; ``thorough`` reads every file too.

    The plugins say what they have looked at, by the hook ``debrepo_health``; what is wrong comes
    with what to do about it.
    """
    from debrepo_doctor.examining import examine

    if not (session.root / "db").exists():  # a mistyped root would be made, and be all right
        raise NotFound(
            f"there is no database in {session.root}",
            hint='name another directory with --root, or begin with "debrepo repo create NAME"',
        )
    return examine(session, thorough=thorough)
