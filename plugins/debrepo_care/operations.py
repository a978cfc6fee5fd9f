"""What can be done for the data of an installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from debrepo.session import Session
    from debrepo_care.repairing import PoolRepair


def repair(
    session: Session, places: Sequence[Path] = (), *, deep: bool = False, dry_run: bool = False
) -> PoolRepair:
    """Bring back files that the pool has lost, or that are damaged there.

    They come from directories given as ``places``, from publications, and from the archives of
    mirrors; each is verified. With ``deep`` every file is read to find damage.
    """
    from debrepo_care import repairing

    return repairing.repair(session, places, deep=deep, dry_run=dry_run)
