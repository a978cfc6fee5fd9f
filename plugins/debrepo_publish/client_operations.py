"""Clients: the stanza by which apt finds a publication, and trusts it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput, NotFound
from debrepo_publish.engine import signers
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
    fields = {
        "Types": "deb deb-src" if publication.has_source(live.parts) else "deb",
        "URIs": url or _url(session, publication),
        "Suites": distribution,
        "Components": " ".join(live.parts),
    }
    if not fields["URIs"].isprintable() or len(fields["URIs"].split()) != 1:
        raise InvalidInput(f"not a URL: {fields['URIs'][:80]!r}")
    lines = [f"{name}: {value}\n" for name, value in fields.items()]
    keys = signers.resolve(session, publication)
    if not keys:
        return "".join([*lines, "Trusted: yes\n"])
    key = session.signer.export(keys).decode("ascii").splitlines()
    return "".join([*lines, "Signed-By:\n", *(f" {line or '.'}\n" for line in key)])


def _url(session: Session, publication: Publication) -> str:
    prefix = "" if publication.prefix == "." else publication.prefix
    with closing(session.storage(publication.storage)) as storage:
        found = storage.url(prefix)
        local = storage.local_path(publication.path("dists"))
    if not found and local is None:
        raise InvalidInput(f"{publication} has no known URL", hint="name it with --url")
    return found or f"file:{local.parent if local else prefix}"
