"""Operations that look at publications."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput, NotFound
from debrepo.values import NamedTuple
from debrepo_publish.model import history as histories
from debrepo_publish.model import publications
from debrepo_publish.model.publication import Generation, Publication, split_place
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_publish.engine.signers import SignedBy
    from debrepo_publish.model.history import Past


class Shown(NamedTuple):
    """A publication, and its generations, newest first."""

    publication: Publication
    generations: tuple[Generation, ...] = ()
    signers: tuple[SignedBy, ...] = ()  #: of the live generation, where they were asked for


def list_(session: Session) -> list[Publication]:
    """Return all publications, sorted by place and distribution."""
    with session.db.read() as txn:
        return list(txn[PUBLICATIONS].values())


def history(session: Session, distribution: str, place: str = "", *, limit: int = 0) -> list[Past]:
    """Return who has published what and when, newest first; ``limit`` rows at most, 0: all."""
    if limit < 0:
        raise InvalidInput(f"limit: {limit} is negative; 0 returns all rows")
    key = Publication(*split_place(place), distribution, {}).key
    with session.db.read() as txn:
        return list(islice(histories.newest_first(txn, key), limit or None))


def show(
    session: Session,
    distribution: str,
    place: str = "",
    *,
    past: bool = True,
    generation: int = 0,
    signers: bool = False,
) -> Shown:
    """Return a publication with its generations, with the live one alone, or with one by number.

    With ``signers``, also by which keys clients see it signed, and until when these can be used.
    """
    key = Publication(*split_place(place), distribution, {}).key
    with session.db.read() as txn:
        live = [publications.live(txn, key)]
        known = publications.generations(txn, key) if past else filter(None, live)
        shown = Shown(publications.get(txn, key), tuple(known)[::-1])
    if generation:
        shown = shown._replace(generations=(_numbered(shown, generation),))
    if not signers:
        return shown
    from debrepo_publish.engine.signers import signed_by

    return shown._replace(signers=signed_by(session, shown.publication))


def _numbered(shown: Shown, number: int) -> Generation:
    """Return a generation that is kept, by its number."""
    for found in shown.generations:
        if found.number == number:
            return found
    there = ", ".join(str(found.number) for found in reversed(shown.generations)) or "none"
    raise NotFound(
        f"generation {number} of {shown.publication} is not kept", hint=f"there are: {there}"
    )
