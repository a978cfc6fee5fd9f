"""Connecting: the transport for an archive, opened with what is configured for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.transport import Pace
from debrepo_mirror import access

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo.transport import Transport
    from debrepo_mirror.mirror import Mirror


def connect(session: Session, mirror: Mirror, *, limit: int = 0) -> Transport:
    """Open the transport for a mirror; with a ``limit``, it receives that many KiB a second."""
    access.check(session, mirror)
    pace = Pace(limit * 1024) if limit else None
    return session.transport(mirror.url, access.options(session, mirror.credentials, pace))
