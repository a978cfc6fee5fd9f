"""Narrowing: of a package list, what a publication wants, as a query says.

What came out is in the cache with the set that it was made from, so the next publish looks at
the packages that have come since, and no others.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from debrepo import catalog, packageset, query, selection
from debrepo.catalog import CHUNKS
from debrepo.package import SetId
from debrepo_publish.engine import plan as planning
from debrepo_publish.indexes import cache as caching

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.query import Query
    from debrepo.session import Session
    from debrepo_publish.indexes.cache import Cache
    from debrepo_publish.model.publication import Publication

OPTION = "only"


def wanted(publication: Publication) -> str:
    """Return the query for what a publication wants; empty: everything."""
    return str(publication.options.get(OPTION) or "")


def narrowed(session: Session, publication: Publication) -> dict[SetId, SetId]:
    """Return what is wanted of each set that a publication is made from; nothing: all of them.

    The sets are stored. Open no transaction meanwhile. Raise `InvalidInput` for what is no query.
    """
    text = wanted(publication)
    if not text or publication.verbatim:
        return {}
    parsed = selection.parse(session.config, [text])
    with session.db.read() as txn:
        inputs = planning.inputs(txn, session.hook, publication)
    found: dict[SetId, SetId] = {}
    with caching.opened(session.root) as cache:
        for one in inputs:
            name = _name(publication, one.component)
            found[one.set_id] = _narrowed(session, cache, parsed, one.set_id, name)
    return found


def names(publication: Publication) -> list[str]:
    """Return the names in the cache of what is known of a publication."""
    if not wanted(publication):
        return []
    return [_name(publication, component) for component in publication.sources]


def _name(publication: Publication, component: str) -> str:
    said = "\0".join(("only", publication.key, component, wanted(publication)))
    import hashlib  # it loads OpenSSL, which not every command needs

    return hashlib.sha256(said.encode(errors="surrogateescape")).hexdigest()


def _narrowed(
    session: Session, cache: Cache, parsed: Query | None, set_id: SetId, name: str
) -> SetId:
    """Return what is wanted of a set, which differs little from the last one of this name."""
    known = cache.text(name)
    before, after = SetId(known[: len(set_id)]), SetId(known[len(set_id) :])
    if not known or not _is_whole(session, before, after):
        before = after = packageset.EMPTY
    elif before == set_id:
        return after
    with session.db.read() as txn:
        removed, added = packageset.diff(txn[CHUNKS], before, set_id)
        chosen: Iterable[bytes] = added
        if parsed is not None:
            chosen = list(query.select(parsed, added, partial(catalog.get, txn)))
    with session.db.write() as txn:
        found = packageset.update(txn[CHUNKS], after, add=chosen, remove=removed)
    cache.put_texts({name: set_id + found})
    return found


def _is_whole(session: Session, *sets: SetId) -> bool:
    with session.db.read() as txn:
        return all(packageset.is_whole(txn[CHUNKS], one) for one in sets)
