"""Eviction: the cache stays within its bounds, and keeps what is published now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo_publish.engine import plan as planning
from debrepo_publish.engine.components import packages_units
from debrepo_publish.indexes import cache as caching
from debrepo_publish.indexes import contents
from debrepo_publish.indexes.fragments import piece_key
from debrepo_publish.model import publications
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo_publish.engine.plan import Plan


def evict(session: Session) -> bool:
    """Forget the pieces of what is not live any more, once there are too many bytes of them.

    Return whether that was so. What is forgotten and needed again is rendered again.
    """
    with caching.opened(session.root) as cache:
        if cache.size() <= session.config["publish.cache_size"]:
            return False
        pieces: set[bytes] = set()
        roots: set[bytes] = set()
        with session.db.read() as txn:
            for plan in _live(session, txn):
                pieces.update(_pieces(txn, plan))
                for part in plan.generation.parts.values():
                    for root, keys in contents.keys(cache, plan.publication, part):
                        roots.add(root)
                        pieces.update(keys)
        cache.keep(pieces)
        cache.keep_lines(roots)
    return True


def _live(session: Session, txn: Transaction) -> Iterator[Plan]:
    """Yield a plan for each live generation, as if it were to be published anew."""
    for publication in txn[PUBLICATIONS].values():
        generation = publications.generation(txn, publication.key, publication.live)
        yield planning.again(txn, session.hook, publication, generation)


def _pieces(txn: Transaction, plan: Plan) -> Iterator[bytes]:
    for component in plan.generation.parts:
        for unit in packages_units(txn, plan, component, plan.kinds):
            yield unit.key
            yield from (piece_key(form, unit.key) for form in plan.publication.compressions)
