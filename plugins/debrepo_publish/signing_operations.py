"""Operations that sign what is live again, with the packages that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo.errors import InvalidInput
from debrepo.values import NamedTuple
from debrepo_publish.engine.renewals import CHANGEABLE
from debrepo_publish.model import documents, publications
from debrepo_publish.model.options import declared
from debrepo_publish.model.publication import Publication, check_distribution, split_place
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.session import Session
    from debrepo_publish.engine.resigning import Change, Resigned


class Renewed(NamedTuple):
    """What was due, and what came of it."""

    due: dict[str, str]  #: each publication, and why it was due
    done: list[Resigned]  #: nothing in a dry run


def resign(
    session: Session,
    distribution: str,
    place: str = "",
    *,
    options: Mapping[str, Any] | None = None,
    date_now: bool = False,
) -> Resigned:
    """Sign what is live again, with a new date; its packages and its indexes stay.

    With ``date_now`` the date is the one of the clock, though clients may have been offered a
    later one, which they refuse if it is in the future. Of the ``options`` of a publication,
    ``keys``, ``signed_by`` and ``valid_for`` can be changed. Changes that wait for an update go
    on waiting.
    """
    from debrepo_publish.engine import resigning  # which the other commands do without

    wanted = Publication(*split_place(place), check_distribution(distribution), {})
    change = _change(session, options)
    with session.db.read() as txn:
        publication = publications.get(txn, wanted.key)
    (done,) = resigning.resign(session, [publication], change, strict=True, date_now=date_now)
    return done


def resign_all(
    session: Session, *, options: Mapping[str, Any] | None = None, date_now: bool = False
) -> list[Resigned]:
    """Sign everything that is live again as `resign` does; one that fails leaves the others."""
    from debrepo_publish.engine import resigning  # which the other commands do without

    change = _change(session, options)
    with session.db.read() as txn:
        live = [one for one in txn[PUBLICATIONS].values() if one.live and not one.verbatim]
    return resigning.resign(session, live, change, date_now=date_now)


def renew(session: Session, *, dry_run: bool = False) -> Renewed:
    """Sign again what clients will refuse soon, and what is not signed by the keys that sign now.

    What is due is decided by the setting ``publish.renew_left``.
    """
    from debrepo_publish.engine import renewing  # which the other commands do without

    session.check_begun()
    found = renewing.due(session)
    due = {str(one.publication): one.why for one in found}
    return Renewed(due, [] if dry_run else renewing.renew(session, found))


def _change(session: Session, options: Mapping[str, Any] | None) -> Change:
    """Return what changes a publication; raise `InvalidInput` for options that it cannot have."""
    given = dict(options or {})
    others = [name for name in given if name not in CHANGEABLE]
    if others:
        raise InvalidInput(
            f"signing again cannot change {others[0][:80]}",
            hint="publish update can; signing again changes keys, signed_by and valid_for",
        )

    def change(publication: Publication) -> Publication:
        changed = documents.changed(publication, given, declared(session.hook))
        if changed.skip_signing != publication.skip_signing:
            raise InvalidInput(
                f"{publication} is not signed",
                hint=f'run "debrepo publish update --sign {publication.words}"',
            )
        return documents.checked(changed)

    return change
