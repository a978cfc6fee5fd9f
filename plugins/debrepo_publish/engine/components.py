"""Components: the fragments that the indexes of a generation consist of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS
from debrepo.index_kind import IndexKind, Published, SortedIndexKind, WholeIndexKind
from debrepo.values import NamedTuple
from debrepo_publish.engine import carried, extracts, pdiffs
from debrepo_publish.engine.fields import added, given
from debrepo_publish.engine.layout import paths
from debrepo_publish.indexes import admission, contexts, lines, rendering
from debrepo_publish.indexes.compression import BY_NAME, Compression
from debrepo_publish.indexes.fragments import Fragment, Group
from debrepo_publish.indexes.rendering import Rendered
from debrepo_publish.model.hashing import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from debrepo.database import Transaction
    from debrepo.package import Entry, Package
    from debrepo.packageset.tree import Chunk
    from debrepo.session import Session
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.indexes.cache import Cache
    from debrepo_publish.indexes.contexts import WantedIndex
    from debrepo_publish.indexes.lines import Given

_WALK = 32  # chunks of packages to read before the pages that they stand on are released
_BATCH = 8  # fragments of a whole index that are looked up in the cache together


def render(
    session: Session, cache: Cache, plan: Plan, *, anew: bool, left_out: dict[Entry, str]
) -> Iterator[Rendered]:
    """Yield every index of a generation, in every compression of the publication.

    A component that has not changed is not read, unless it has to be stored ``anew``. Each
    fragment is read in a transaction of its own: none is open while something is compressed.
    ``left_out`` gets the packages that no index takes, and why.
    """
    components = sorted(plan.generation.parts)
    changed = [name for name in components if anew or not _unchanged(plan, name)]
    for component in components:
        if component not in changed:
            yield from _as_before(plan, component)
    groups = (group for name in changed for group in _groups(session, cache, plan, name))
    outlined = pdiffs.days(plan) > 0
    yield from rendering.render(cache, pdiffs.checksums(plan), groups, left_out, outlined=outlined)
    for name in changed:
        yield from carried.render(session, plan, name, anew=anew)


def _groups(session: Session, cache: Cache, plan: Plan, component: str) -> Iterator[Group]:
    for wanted in plan.kinds.wanted[component]:
        chosen = compressions(plan, wanted)
        if isinstance(wanted.kind, SortedIndexKind):
            before = plan.previous.parts.get(component) if plan.previous else None
            made = plan.generation, component, before, chosen
            yield from lines.groups(
                session.db, cache, wanted, *made, *_given(session, plan, component, wanted.kind)
            )
            continue
        with session.db.read() as txn:
            found = fragments(txn, session, plan, component, wanted)
        if isinstance(wanted.kind, WholeIndexKind):
            found = [whole(cache, wanted, found)]
        yield Group(component, wanted, found, contexts.expected(wanted), chosen)


def _given(
    session: Session, plan: Plan, component: str, kind: SortedIndexKind
) -> tuple[Given, Given]:
    """Return what plugins give packages, and what they would give those published before."""
    now = given(plan.fields.get(component, {}), kind.given)
    if not now or plan.previous is None or component not in plan.previous.parts:
        return now, {}
    with session.db.read() as txn:
        before = added(session, txn, plan.publication, plan.previous)
    return now, given(before.get(component, {}), kind.given)


def compressions(plan: Plan, wanted: WantedIndex) -> list[Compression]:
    """Return the compressions of the indexes of a kind."""
    chosen = contexts.compressions(wanted, plan.publication.compressions)
    return [BY_NAME[name] for name in chosen]


def _unchanged(plan: Plan, component: str) -> bool:
    """Return whether the indexes of a component are as they are in the live generation."""
    previous, generation = plan.previous, plan.generation
    return (
        previous is not None
        and component in previous.parts
        and previous.parts[component].set_id == generation.parts[component].set_id
        and previous.architectures == generation.architectures
        and previous.rendering == generation.rendering
    )


def _as_before(plan: Plan, component: str) -> Iterator[Rendered]:
    assert plan.previous is not None
    inner = tuple(f"{name}/" for name in plan.previous.parts if name.startswith(f"{component}/"))
    for path, index in plan.previous.indexes.items():
        if path.endswith("/Release") or (inner and path.startswith(inner)):
            continue
        if path.startswith(f"{component}/"):
            yield Rendered(path, index, None)


class _Batch(NamedTuple):
    """What the fragments of a kind in one component are made from, besides packages."""

    plan: Plan
    component: str
    wanted: WantedIndex
    kind: IndexKind
    served: frozenset[bytes]  #: the architectures whose packages it gets

    @property
    def shelf(self) -> str:
        """The directory of the component's packages below ``pool/``."""
        return self.plan.generation.shelf(self.component)

    def reads(self, what: str) -> bool:
        """Return whether the kind reads something of packages."""
        return what in self.kind.reads

    @property
    def origin(self) -> bytes:
        """A hash of it."""
        judged = admission.origin(self.plan.policy).encode()
        shelf = self.shelf.encode() if self.reads("paths") else b""
        return key_of(b"fragment 1", judged, self.wanted.key, shelf, *sorted(self.served))


def fragments(
    txn: Transaction, session: Session, plan: Plan, component: str, wanted: WantedIndex
) -> list[Fragment]:
    """Return the fragments that a kind makes of a component, which read from the database."""
    assert isinstance(wanted.kind, IndexKind)
    batch = _Batch(plan, component, wanted, wanted.kind, _served(plan, wanted.kind))
    origin, shelf = batch.origin, batch.shelf
    moved: list[Entry] = []
    added: list[Entry] = []
    if batch.reads("paths"):
        moved = sorted(entry for name, entry in plan.displaced if name == shelf)
    if batch.reads("fields"):
        added = sorted(plan.fields.get(component, ()))
    chunks = packageset.chunks(txn[CHUNKS], plan.generation.parts[component].set_id)
    found = []
    for number, chunk in enumerate(chunks, 1):
        if not number % _WALK:
            txn.trim()
        said = [plan.fields[component][entry].signature for entry in _within(chunk, added)]
        key = key_of(origin, chunk.hash, *_within(chunk, moved), b"fields" * bool(said), *said)
        found.append(Fragment(key, partial(_texts, session, batch, chunk), cached=True))
    return found


def _within(chunk: Chunk, entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return those of sorted entries that lie within the bounds of a chunk."""
    return entries[bisect_left(entries, chunk.first) : bisect_right(entries, chunk.last)]


def _served(plan: Plan, kind: IndexKind) -> frozenset[bytes]:
    """Return the architectures whose packages a kind gets."""
    names = ["source"] if "source" in kind.takes else []
    if set(kind.takes) - {"source"}:
        names += [*plan.generation.architectures, "all"]
    sources = plan.publication.has_source(plan.generation.parts)
    return frozenset(name.encode() for name in names if sources or name != "source")


def _texts(session: Session, batch: _Batch, chunk: Chunk) -> dict[str, bytes]:
    """Return the text that the packages of a chunk add to each index of a kind."""
    published: list[Published] = []
    reasons: dict[Entry, str] = {}
    with session.db.read() as txn:
        everything = packageset.entries_of(txn[CHUNKS], chunk.hash)
        entries = [entry for entry in everything if entry.split(b"\0", 2)[1] in batch.served]
        for entry, stored in zip(entries, catalog.get_many(txn, entries), strict=True):
            package = admission.admit(stored, batch.plan.policy)
            if isinstance(package, str):
                reasons[entry] = package
            elif package.kind in batch.kind.takes:
                published.append(_published(session, txn, batch, entry, package))
    if batch.reads("extract"):
        published = extracts.added(session, batch.wanted.name, batch.kind, published)
    texts = batch.kind.fragment(published, batch.wanted.context)
    return admission.noted(contexts.checked(batch.wanted, texts), reasons)


def _published(
    session: Session, txn: Transaction, batch: _Batch, entry: Entry, package: Package
) -> Published:
    """Return a package with what a kind reads of it."""
    served: tuple[str, ...] = ()
    if batch.reads("paths"):
        displaced = (batch.shelf, entry) in batch.plan.displaced
        served = paths(batch.shelf, package, displaced=displaced)
    found = Published(package, served)
    if batch.reads("contents"):
        found = found._replace(contents=catalog.paths(txn, entry))
    if batch.reads("fields"):
        added = batch.plan.fields.get(batch.component, {}).get(entry)
        if added is not None:
            replaced, left = added.given(package)
            found = found._replace(package=replaced, fields=left)
    if batch.reads("files"):
        files = tuple(session.pool.path(file.sha256) for file in package.files)
        found = found._replace(files=files)
    return found


def whole(cache: Cache, wanted: WantedIndex, fragments: Sequence[Fragment]) -> Fragment:
    """Return the files that a kind makes of all its fragments, as one of which there is no more."""
    key = key_of(b"whole 1", wanted.key, *(fragment.key for fragment in fragments))
    return Fragment(key, partial(_finished, cache, wanted, fragments), cached=True)


def _finished(
    cache: Cache, wanted: WantedIndex, fragments: Sequence[Fragment]
) -> Mapping[str, bytes]:
    """Return the files that a kind makes of all its fragments."""
    assert isinstance(wanted.kind, WholeIndexKind)
    texts: dict[str, list[bytes]] = {}
    rest = iter(fragments)
    while batch := list(islice(rest, _BATCH)):
        known = cache.get([(fragment.key, "") for fragment in batch])
        new = {}
        for fragment in batch:
            name = (fragment.key, "")
            if name not in known:
                new[name] = fragment.render()
            for path, text in (known.get(name) or new[name]).items():
                texts.setdefault(path, []).append(text)
        cache.put(new)
    notes = b"\n".join(texts.pop(admission.LEFT_OUT, ()))
    made = contexts.checked(wanted, wanted.kind.finish(texts, wanted.context))
    return made | {admission.LEFT_OUT: notes} if notes else made
