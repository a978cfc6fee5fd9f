"""Operations that look at publications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.values import NamedTuple
from debrepo_publish.model import publications
from debrepo_publish.model.publication import Generation, Publication, split_place
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_publish.engine.signers import SignedBy


class Shown(NamedTuple):
    """A publication, and its generations, newest first."""

    publication: Publication
    generations: tuple[Generation, ...] = ()
    signers: tuple[SignedBy, ...] = ()  #: of the live generation, where they were asked for


def list_(session: Session) -> list[Publication]:
    """Return all publications, sorted by place and distribution."""
    with session.db.read() as txn:
        return list(txn[PUBLICATIONS].values())


def show(
    session: Session,
    distribution: str,
    place: str = "",
    *,
    past: bool = True,
    signers: bool = False,
) -> Shown:
    """Return a publication with its generations, or with the live one alone.

    With ``signers``, also by which keys clients see it signed, and until when these can be used.
    """
    key = Publication(*split_place(place), distribution, {}).key
    with session.db.read() as txn:
        live = [publications.live(txn, key)]
        known = publications.generations(txn, key) if past else filter(None, live)
        shown = Shown(publications.get(txn, key), tuple(known)[::-1])
    if not signers:
        return shown
    from debrepo_publish.engine.signers import signed_by

    return shown._replace(signers=signed_by(session, shown.publication))
