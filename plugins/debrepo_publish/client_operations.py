"""Clients: the stanza by which apt finds a publication, and trusts it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput, NotFound
from debrepo_publish.engine import client_files, signers
from debrepo_publish.model import publications
from debrepo_publish.model.publication import Publication, split_place

if TYPE_CHECKING:
    from debrepo.session import Session


def sources(session: Session, distribution: str, place: str = "", *, url: str = "") -> str:
    """Return the ``.sources`` file for clients of a publication, with the keys in it.

    ``url`` is that of the archive root, where the storage does not know it.
    """
    wanted = Publication(*split_place(place), distribution, {})
    with session.db.read() as txn:
        publication = publications.get(txn, wanted.key)
        live = publications.live(txn, wanted.key)
    if live is None:
        raise NotFound(
            f"{publication} is not live yet",
            hint=f'run "debrepo publish update {publication.words}"',
        )
    keys = signers.resolve(session, publication)
    where = url or _url(session, publication)
    return client_files.stanza(publication, live, where, client_files.armored(session, keys))


def _url(session: Session, publication: Publication) -> str:
    prefix = "" if publication.prefix == "." else publication.prefix
    with closing(session.storage(publication.storage)) as storage:
        found = storage.url(prefix)
        local = storage.local_path(publication.path("dists"))
    if not found and local is None:
        raise InvalidInput(f"{publication} has no known URL", hint="name it with --url")
    return found or f"file:{local.parent if local else prefix}"
