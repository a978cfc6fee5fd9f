"""What can be done: functions on a session, which open the transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import lists
from debrepo.errors import InvalidInput
from debrepo_house import repositories
from debrepo_house.tables import REPOSITORIES, HouseRepository

if TYPE_CHECKING:
    from debrepo.session import Session


def list_(session: Session) -> list[HouseRepository]:
    """Return the repositories of which something is stored, sorted by name."""
    with session.db.read() as txn:
        return list(txn[REPOSITORIES].values())


def own(session: Session, name: str, team: str) -> HouseRepository:
    """Say which team owns a repository, and return what is stored."""
    if not team.isidentifier():
        raise InvalidInput(f"not the name of a team: {team!r}", hint="use letters and digits")
    with session.db.write() as txn:
        lists.get(session.hook, txn, "repo", name)  # raises NotFound
        found = repositories.get(txn, name)._replace(team=team)
        repositories.put(txn, found)
    return found


def phase(session: Session, name: str, package: str, percentage: int) -> HouseRepository:
    """Offer a package to so many percent of machines; 100 ends the roll-out."""
    if not 0 <= percentage <= 100:
        raise InvalidInput(f"not a percentage: {percentage}", hint="use a number from 0 to 100")
    with session.db.write() as txn:
        lists.get(session.hook, txn, "repo", name)
        found = repositories.get(txn, name)
        phases = {**found.phases, package: percentage}
        found = found._replace(phases={key: n for key, n in phases.items() if n < 100})
        repositories.put(txn, found)
    return found
