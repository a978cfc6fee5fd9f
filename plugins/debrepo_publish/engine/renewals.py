"""Renewals: a live generation gets other signatures and dates, whatever crashes in between.

The generation stays the one it was, since clients find the same packages in the same indexes. From
before the first file is replaced until the last one is recorded, a *switch* in the database says
what the Release files are to be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo import clock
from debrepo_publish.engine import commits
from debrepo_publish.indexes import release
from debrepo_publish.model import publications
from debrepo_publish.model.publication import Generation, Publication, commit_path, generation_key
from debrepo_publish.model.tables import COMMITS, DATES, PUBLICATIONS, SWITCHES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_publish.model.publication import Switch

#: Fields of a publication that signing again may change.
CHANGEABLE = ("keys", "signed_by", "valid_for")


def begin(session: Session, publication: Publication, switch: Switch) -> None:
    """Record, before a file is replaced, how the live generation is to be signed."""
    key = publication.key
    with session.db.write() as txn:
        now = publications.get(txn, key)
        txn[PUBLICATIONS][key] = now._replace(**_changeable(publication))
        txn[SWITCHES][generation_key(key, now.live)] = switch


def finish(
    session: Session, publication: Publication, switch: Switch, made: Mapping[str, str] | None
) -> Generation:
    """Record that clients see the live generation with its new signatures, and return it.

    ``made`` has the version of each file that was replaced; without it, none is known.
    """
    key, last = publication.key, commit_path(publication)
    commit = switch.releases[last].encode(errors="surrogateescape")
    with session.db.write() as txn:
        now = publications.get(txn, key)
        live = publications.generation(txn, key, now.live)
        document = live.publication._replace(**_changeable(now))
        versions = {} if made is None else {**live.versions, **made}
        if document != live.publication:
            live = live._replace(publication=document, options=document.fingerprint())
        renewed = live._replace(
            versions={path: version for path, version in versions.items() if version},
            expires=release.valid_until(commit),
            committed=clock.now(),
        )
        publications.put_generation(txn, key, renewed)
        row = generation_key(key, now.live)
        txn[COMMITS][row.encode()] = commit
        txn[DATES][key.encode()] = b"%d" % release.dated(commit)
        txn[SWITCHES].pop(row, None)
    return renewed


def recover(session: Session, storage: Storage, key: str, live: Generation) -> bool:
    """Replace what a crash has left of a renewal, and return whether there was one to finish.

    If another publisher has published since, the renewal is given up.
    """
    row = generation_key(key, live.number)
    with session.db.read() as txn:
        switch = txn[SWITCHES].get(row)
    if switch is None:
        return False
    if commits.resume(storage, live.publication, {}, switch):
        finish(session, live.publication, switch, None)
        return True
    with session.db.write() as txn:
        txn[SWITCHES].pop(row, None)
    return False


def _changeable(publication: Publication) -> dict[str, Any]:
    return {name: getattr(publication, name) for name in CHANGEABLE}
