"""What can be done with the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput
from debrepo_pool import moving, places

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_pool.moving import MovedFiles


def move(session: Session) -> MovedFiles:
    """Move package files to pool.storage, and remove those here that the cache has no room for."""
    place = places.configured(session)
    if place is None:
        raise InvalidInput(
            "pool.storage names no storage", hint=f"set it in {session.root / 'debrepo.toml'}"
        )
    return moving.move(session, place)
