"""Eviction: keep the cache within its limit, without what is not live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo_publish.engine import plan as planning
from debrepo_publish.engine.components import packages_fragments
from debrepo_publish.indexes import cache as caching
from debrepo_publish.indexes import contents
from debrepo_publish.model import publications
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.indexes.cache import Name


def evict(session: Session) -> bool:
    """Delete the fragments that no live generation consists of, if the cache is too large.

    Return whether it was. A fragment that is needed again is rendered again.
    """
    with caching.opened(session.root) as cache:
        if cache.size() <= session.config["publish.cache_size"]:
            return False
        names: set[Name] = set()
        roots: set[bytes] = set()
        with session.db.read() as txn:
            for plan in _live(session, txn):
                names.update(_names(session, txn, plan))
                for part in plan.generation.parts.values():
                    for root, found in contents.names(cache, plan.publication, part):
                        roots.add(root)
                        names.update(found)
        cache.keep(names)
        cache.keep_lines(roots)
    return True


def _live(session: Session, txn: Transaction) -> Iterator[Plan]:
    """Yield a plan for each live generation, as if it were to be published anew."""
    for publication in txn[PUBLICATIONS].values():
        generation = publications.generation(txn, publication.key, publication.live)
        policy = session.config["archive.policy"]
        yield planning.again(txn, session.hook, publication, generation, policy)


def _names(session: Session, txn: Transaction, plan: Plan) -> Iterator[Name]:
    for component in plan.generation.parts:
        for fragment in packages_fragments(txn, session.db, plan, component):
            yield from ((fragment.key, name) for name in ("", *plan.publication.compressions))
