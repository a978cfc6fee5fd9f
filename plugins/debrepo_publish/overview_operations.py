"""The overview: what clients see of each publication, and whether there is more to publish."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from debrepo import lists, verdicts
from debrepo.errors import NotFound
from debrepo.values import NamedTuple
from debrepo_publish.engine import signers
from debrepo_publish.model import publications
from debrepo_publish.model.publication import Publication, split_place
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo_publish.engine.signers import SignedBy
    from debrepo_publish.model.publication import Generation


class PublicationOverview(NamedTuple):
    """What clients see of a publication; little of it is there before it is live."""

    publication: Publication
    generation: int = 0  #: the live one; 0: none yet
    committed: int = 0  #: when clients saw it first, in seconds since the epoch
    expires: int = 0  #: when they refuse it; 0: never
    who: str = ""
    why: str = ""
    components: dict[str, dict[str, int]] = {}  # noqa: RUF012  # packages by architecture
    packages: int = 0
    architectures: tuple[str, ...] = ()  #: that clients find packages of
    index_size: int = 0  #: bytes of all indexes that are stored
    signers: tuple[SignedBy, ...] = ()
    #: The package lists that hold something else by now, as ``kind:name``.
    behind: tuple[str, ...] = ()


def overview(
    session: Session, distribution: str = "", place: str = ""
) -> list[PublicationOverview]:
    """Return what clients see of all publications, or of the one that is named."""
    with session.db.read() as txn:
        if distribution:
            key = Publication(*split_place(place), distribution, {}).key
            known = [publications.get(txn, key)]
        else:
            known = list(txn[PUBLICATIONS].values())
        found = [_overview(session, txn, one) for one in known]
    signed = signers.signed_by_each(session, [one.publication for one in found])
    return [one._replace(signers=signed[one.publication.key]) for one in found]


def _overview(session: Session, txn: Transaction, publication: Publication) -> PublicationOverview:
    live = publications.live(txn, publication.key)
    if live is None:
        return PublicationOverview(publication)
    return PublicationOverview(
        publication,
        generation=live.number,
        committed=live.committed or int(datetime.fromisoformat(live.created).timestamp()),
        expires=live.expires,
        who=live.who,
        why=live.why,
        components={name: part.architectures for name, part in live.parts.items()},
        packages=live.size,
        architectures=live.serves,
        index_size=sum(index.size for index in live.indexes.values() if index.stored),
        behind=tuple(_behind(session, txn, publication, live)),
    )


def _behind(
    session: Session, txn: Transaction, publication: Publication, live: Generation
) -> list[str]:
    """Return the lists that the next update would publish otherwise than they are live.

    Nothing is said where a set is published in part: what is wanted of it is not known here.
    """
    if publication.verbatim or publication.options.get("only"):
        return []
    found = []
    for component, source in publication.next_sources.items():
        kind, _, name = source.partition(":")
        try:
            set_id = lists.get(session.hook, txn, kind, name).set_id
        except NotFound:  # dropped since; what is live stays
            continue
        part = live.parts.get(component)
        if part and part.set_id == set_id:
            continue
        if not verdicts.broken(session.config, txn, set_id):
            found.append(source)
    return found
