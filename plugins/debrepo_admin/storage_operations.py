"""What can be done with storages as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import freezing
from debrepo.errors import InvalidInput
from debrepo.health import Checkup, Concern

if TYPE_CHECKING:
    from debrepo.session import Session


def checkups(session: Session) -> list[Checkup]:
    """Return that storages are frozen, where they are: nobody would notice before a publish."""
    if not (why := session.frozen):
        return []
    concern = Concern("warning", f"are frozen: {why}", 'run "debrepo storage thaw"')
    return [Checkup("storages", "all", (concern,))]


def freeze(session: Session, why: str = "") -> None:
    """Let nothing be written to storages; ``why`` is what users are told whose publish fails."""
    said = " ".join(why.split()) or f'{session.actor or "somebody"} ran "debrepo storage freeze"'
    freezing.freeze(session.root, said)


def thaw(session: Session) -> bool:
    """Let storages be written to again; return whether they were frozen."""
    for row in session.config:
        if row.name == freezing.SETTING and row.value:
            raise InvalidInput(
                f"{freezing.SETTING} is true in {row.origin}", hint="set it to false there"
            )
    return freezing.thaw(session.root)
