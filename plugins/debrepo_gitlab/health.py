"""Health: whether what was uploaded has been published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.health import Checkup, Concern
from debrepo_gitlab.distributions import DISTRIBUTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.session import Session


def checkups(session: Session) -> Iterator[Checkup]:
    """Yield the distributions, and which of them wait for a server to publish them."""
    with session.db.read() as txn:
        known = list(txn[DISTRIBUTIONS].values())
    busy = {lease.what for lease in session.leases.held()}
    for one in known:
        name = one.key.replace("\0", "/")
        waits = one.published and one.changed > one.published
        concerns: tuple[Concern, ...] = ()
        if waits and f"gitlab {one.key}".replace("\0", " ") not in busy:
            text = "has changes that are not published"
            hint = "a server publishes them; is one running?"
            concerns = (Concern("warning", text, hint),)
        yield Checkup("distribution", name, concerns)
