"""Importing: publications as another tool has kept them, until an update makes them live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo_publish.model import documents, publications
from debrepo_publish.model.options import declared
from debrepo_publish.model.publication import Publication, check_distribution, split_place
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.session import Session


def import_publication(
    session: Session,
    txn: Transaction,
    place: str,
    distribution: str,
    sources: Mapping[str, str],
    options: Mapping[str, Any],
) -> bool:
    """Store a publication that is not live yet; what is live stays. Return what has changed."""
    storage, prefix = split_place(place)
    wanted = Publication(
        storage,
        prefix,
        check_distribution(distribution),
        dict(sources),
        **documents.defaults(session.config),
    )
    publication = documents.checked(documents.changed(wanted, options, declared(session.hook)))
    old = txn[PUBLICATIONS].get(publication.key)
    if old is not None and (old == publication or publications.last_number(txn, publication.key)):
        return False
    txn[PUBLICATIONS][publication.key] = publication
    if old is None:
        session.hook.debrepo_created(
            session=session, txn=txn, kind="publication", name=str(publication)
        )
    return True
