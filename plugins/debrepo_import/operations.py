"""What can be done to bring archives of other tools here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from debrepo.session import Session
    from debrepo_import.report import ImportReport


def aptly(session: Session, root: Path) -> ImportReport:
    """Bring everything here that aptly keeps below ``root``."""
    raise NotFound(f"{root} has no database of aptly")
