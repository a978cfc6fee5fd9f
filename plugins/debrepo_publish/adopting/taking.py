"""Taking over: the first publish over what another tool has published."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from debrepo.errors import AlreadyExists, Conflict, DebrepoError, NotFound
from debrepo_publish.adopting import adoption
from debrepo_publish.engine import announcing, places, publishing, recovery
from debrepo_publish.engine.publishing import Result, Wish
from debrepo_publish.model import documents, publications
from debrepo_publish.model.options import declared
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.session import Session
    from debrepo_publish.adopting.adoption import FoundDistribution
    from debrepo_publish.model.publication import Publication

#: Fields that a publication has from the tool that it is taken over from.
_KEPT = (
    "origin", "label", "suite", "codename", "version", "description", "not_automatic",
    "but_automatic_upgrades", "signed_by", "valid_for", "skip_signing", "keys", "omitted",
)  # fmt: skip


def take_over(
    session: Session,
    wanted: Publication,
    options: Mapping[str, Any] | None,
    *,
    why: str,
    force: bool = False,
) -> Result:
    """Publish over what another tool has published, and keep what clients may still fetch.

    All distributions of the place are counted, since they share package files. ``force`` signs
    with a key that has not signed before.
    """
    place = wanted.place
    with places.opened(session, place) as storage:
        before = _check_free(session, wanted)
        found = adoption.find(session, storage, wanted, whole=frozenset([wanted.distribution]))
        publication = documented(session, wanted, found, options)
        for one in found:
            if one.publication.key == wanted.key and not force:
                adoption.check_signing(session, publication, one)
        for one in found:
            adoption.record(session, one)
        _begin(session, publication)
        wish = Wish(wanted.distribution, lambda _: publication, why, force_overwrite=True)
        try:
            made = publishing.publish_held(session, storage, place, wish)
        except BaseException:
            with suppress(DebrepoError):
                _leave(session, publication, before)
            raise
    announcing.announce(session, made.result.publication, made.before, made.after, made.paths)
    return made.result


def planned(
    session: Session, wanted: Publication, options: Mapping[str, Any] | None
) -> Publication:
    """Return what `take_over` would publish."""
    _check_free(session, wanted)
    with closing(places.open_storage(session, wanted.place)) as storage:
        found = adoption.find(session, storage, wanted)
    return documented(session, wanted, found, options)


def documented(
    session: Session,
    wanted: Publication,
    found: list[FoundDistribution],
    options: Mapping[str, Any] | None,
) -> Publication:
    """Return a publication with what clients know it by, and with ``options`` over that."""
    documents_there = [one.publication for one in found if one.publication.key == wanted.key]
    if not documents_there:
        with session.db.read() as txn:
            known = publications.adopted(txn, wanted.key)
        if known is None:
            raise NotFound(f"no tool has published {wanted}", hint="publish it without --take-over")
        documents_there = [known.publication]
    there = documents_there[0]
    kept = {name: getattr(there, name) for name in _KEPT}
    kept["keys"] = wanted.keys or there.keys
    for name in ("compressions", "sums"):
        known_names = dict.fromkeys([*getattr(wanted, name), *getattr(there, name)])
        kept[name] = tuple(known_names)
    publication = wanted._replace(**kept)
    changed = documents.changed(publication, options, declared(session.hook))
    return documents.checked(changed)


def _check_free(session: Session, wanted: Publication) -> Publication | None:
    """Raise `AlreadyExists` where debrepo publishes already, unless a crash came in between.

    Return what an import has stored of the publication, which is not live.
    """
    with session.db.read() as txn:
        known = txn[PUBLICATIONS].get(wanted.key)
        live = publications.live(txn, wanted.key)
    if known is not None and known.live and not (live and live.adopted):
        raise AlreadyExists(
            f"{wanted} is published by this debrepo already",
            hint=f'run "debrepo publish update {wanted.words}"',
        )
    return known if known and not known.live else None


def _begin(session: Session, publication: Publication) -> None:
    """Store the publication with what is live as its generation."""
    with session.db.write() as txn:
        adopted = publications.adopted(txn, publication.key)
        if adopted is None:
            raise Conflict(f"{publication} was published by another command meanwhile")
        if publication.key not in txn[PUBLICATIONS]:
            session.hook.debrepo_created(
                session=session, txn=txn, kind=announcing.KIND, name=str(publication)
            )
        txn[PUBLICATIONS][publication.key] = publication._replace(live=adopted.number)


def _leave(session: Session, publication: Publication, before: Publication | None) -> None:
    """Leave the place to the other tool, unless the publish has come through."""
    with session.db.write() as txn:
        live = publications.live(txn, publication.key)
        if live is None or not live.adopted:
            return
        if before is not None:
            txn[PUBLICATIONS][before.key] = before
        else:
            recovery.remove(session, txn, publication)
