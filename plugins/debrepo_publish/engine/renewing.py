"""Renewing: which publications have to be signed again, so that clients go on accepting them."""

from __future__ import annotations

from logging import getLogger
from typing import TYPE_CHECKING

from debrepo import clock
from debrepo.errors import SigningFailed
from debrepo.stopping import each
from debrepo.values import NamedTuple
from debrepo_publish.engine import resigning, signers
from debrepo_publish.indexes import release
from debrepo_publish.model import publications
from debrepo_publish.model.publication import generation_key
from debrepo_publish.model.tables import COMMITS, PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from debrepo.background import Load
    from debrepo.session import Session
    from debrepo_publish.model.publication import Generation, Publication

_DAY = 86400
_log = getLogger("debrepo.publish")


class Due(NamedTuple):
    """A publication that has to be signed again, and why."""

    publication: Publication
    why: str


def due(session: Session) -> list[Due]:
    """Return every publication that has to be signed again by now."""
    with session.db.read() as txn:
        known = [(one, publications.live(txn, one.key)) for one in txn[PUBLICATIONS].values()]
    found: list[Due] = []
    for publication, live in each(known):
        why = reason(session, publication, live)
        if why:
            found.append(Due(publication, why))
    return found


def reason(session: Session, publication: Publication, live: Generation | None) -> str:
    """Return why a publication has to be signed again, as what follows its name; or nothing."""
    if live is None or live.adopted or publication.verbatim:
        return ""
    found = validity(session, publication, live)
    if found or publication.skip_signing:
        return found
    try:
        keys = signers.resolve(session, publication)
    except SigningFailed:  # no renewal helps, and `key check` says so
        return ""
    commit = _commit(session, publication, live)
    return next(iter(signers.differences(commit, list(map(signers.as_of_now, keys)))), "")


def validity(session: Session, publication: Publication, live: Generation) -> str:
    """Return that clients will refuse a publication soon, as what follows its name; or nothing."""
    if not live.expires:
        return ""
    signed = release.dated(_commit(session, publication, live))
    left = live.expires - clock.now()
    if left * 100 >= (live.expires - signed) * session.config["publish.renew_left"]:
        return ""
    return "is not valid any more" if left < 0 else f"is valid for {left / _DAY:.1f} more days only"


def _commit(session: Session, publication: Publication, live: Generation) -> bytes:
    with session.db.read() as txn:
        return txn[COMMITS].get(generation_key(publication.key, live.number).encode(), b"")


def renew(session: Session, wanted: Sequence[Due]) -> list[resigning.Resigned]:
    """Sign what is due again."""
    return resigning.resign(session, [one.publication for one in wanted], lambda same: same)


def in_background(session: Session, load: Load) -> Callable[[], None]:
    """Return what a server calls: it renews what is due, and logs what it cannot renew."""
    failing: dict[str, str] = {}

    def look() -> None:
        if not session.config["publish.renew"] or load.has_work():
            return
        for one in renew(session, due(session)):
            if not one.failed:
                failing.pop(one.publication, None)
                _log.info("signed %s again", one.publication)
            elif failing.get(one.publication) != one.failed:
                failing[one.publication] = one.failed
                _log.warning("%s cannot be signed again: %s", one.publication, one.failed)

    return look
