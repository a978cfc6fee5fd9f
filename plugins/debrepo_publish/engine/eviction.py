"""Eviction: keep the cache within its limit, without what is not live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import DebrepoError
from debrepo.index_kind import SortedIndexKind, WholeIndexKind
from debrepo_publish.engine import components, extracts, fields, narrowing
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


def evict(session: Session, *, first: bool = False) -> bool:
    """Delete the fragments that no live generation consists of, if there may be many.

    ``first`` says that a publication was published for the first time: what it consists of has
    joined the others, and replaces nothing. Return whether any were looked for. A fragment that is
    needed again is rendered again. What a plugin has to say against another publication is a
    warning, as this one is published.
    """
    try:
        return _evict(session, first=first)
    except DebrepoError as error:  # what is published is published
        session.progress.note(f"Warning: the cache of indexes stays too large: {error}")
        return False


def _evict(session: Session, *, first: bool) -> bool:
    with session.db.read() as txn:
        publications_there = len(txn[PUBLICATIONS])
    with caching.opened(session.root) as cache:
        if first:
            cache.note_first()
        if not cache.is_full(session.config["publish.cache_size"], publications_there):
            return False
    with caching.alone(session.root) as unused:
        if unused is None:  # a publish renders: what it consists of is not live yet
            return False
        _keep_live(session, unused)
        unused.note_live()
    return True


def _keep_live(session: Session, cache: Cache) -> None:
    """Delete what no live generation consists of."""
    names: set[Name] = set()
    texts: set[str] = set()
    roots: set[bytes] = set()
    with session.db.read() as txn:
        for plan in _live(session, txn):
            texts.update(index.sha256 for index in plan.generation.indexes.values())
            texts.update(narrowing.names(plan.publication))
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


def _live(session: Session, txn: Transaction) -> Iterator[Plan]:
    """Yield a plan for each live generation, as if it were to be published anew."""
    for publication in txn[PUBLICATIONS].values():
        live = publications.live(txn, publication.key)
        if live is not None and not live.adopted and not publication.verbatim:
            yield planning.again(session, txn, publication, live)


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
