"""Eviction: keep the cache within its limit, without what is not live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import PluginError
from debrepo.index_kind import SortedIndexKind, WholeIndexKind
from debrepo_publish.engine import components, extracts, fields
from debrepo_publish.engine import plan as planning
from debrepo_publish.indexes import cache as caching
from debrepo_publish.indexes import lines
from debrepo_publish.model import publications
from debrepo_publish.model.tables import PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.indexes.cache import Cache, Name
    from debrepo_publish.indexes.contexts import WantedIndex


def evict(session: Session) -> bool:
    """Delete the fragments that no live generation consists of, if the cache is too large.

    Return whether it was. A fragment that is needed again is rendered again. What a plugin has
    to say against another publication is a warning, as this one is published.
    """
    try:
        return _evict(session)
    except PluginError as error:
        session.progress.note(f"Warning: the cache of indexes stays too large: {error}")
        return False


def _evict(session: Session) -> bool:
    with caching.opened(session.root) as cache:
        if cache.size() <= session.config["publish.cache_size"]:
            return False
        names: set[Name] = set()
        texts: set[str] = set()
        roots: set[bytes] = set()
        with session.db.read() as txn:
            for plan in _live(session, txn):
                texts.update(index.sha256 for index in plan.generation.indexes.values())
                for component, found in plan.kinds.wanted.items():
                    for wanted in found:
                        if isinstance(wanted.kind, SortedIndexKind):
                            made = plan.generation, component
                            chosen = components.compressions(plan, wanted)
                            said = fields.given(plan.fields.get(component, {}), wanted.kind.given)
                            for root, used in lines.names(cache, wanted, *made, chosen, said):
                                roots.add(root)
                                names.update(used)
                        else:
                            names.update(_names(session, cache, txn, plan, component, wanted))
        cache.keep(names)
        cache.keep_lines(roots)
        cache.keep_texts(texts)
    return True


def _live(session: Session, txn: Transaction) -> Iterator[Plan]:
    """Yield a plan for each live generation, as if it were to be published anew."""
    for publication in txn[PUBLICATIONS].values():
        if publication.verbatim:
            continue
        generation = publications.generation(txn, publication.key, publication.live)
        yield planning.again(session, txn, publication, generation)


def _names(
    session: Session,
    cache: Cache,
    txn: Transaction,
    plan: Plan,
    component: str,
    wanted: WantedIndex,
) -> Iterator[Name]:
    found = components.fragments(txn, session, plan, component, wanted)
    if "extract" in wanted.kind.reads:
        entries = packageset.entries(txn[CHUNKS], plan.generation.parts[component].set_id)
        yield from (extracts.name(wanted.name, wanted.kind, entry) for entry in entries)
    if isinstance(wanted.kind, WholeIndexKind):
        yield from ((fragment.key, "") for fragment in found)
        found = [components.whole(cache, wanted, found)]
    for fragment in found:
        yield from ((fragment.key, name) for name in ("", *plan.publication.compressions))
