"""Selections: the packages of a list that queries choose, and what those depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import packageset, query
from debrepo.catalog import CHUNKS, PACKAGES, expecting, find, get, reader
from debrepo.errors import AlreadyExists, InvalidInput, NotFound
from debrepo.package import Package, PackageKey, check_architecture
from debrepo.stopping import each
from debrepo.values import NamedTuple
from debrepo.version import sort_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.config import Config
    from debrepo.database import Transaction
    from debrepo.dependencies import Dependencies
    from debrepo.package import Entry, SetId
    from debrepo.query import Query
    from debrepo.resolver import Brought, Following, Lack, Universe
    from debrepo.session import Session

#: What can be followed, as options and the setting ``dependencies.follow`` spell it.
FOLLOW = ("all-variants", "build-depends", "recommends", "source", "suggests")


class Found(NamedTuple):
    """A package that was chosen, or that one of these depends on."""

    key: PackageKey
    why: str = ""  #: who asked for it, and how; empty for what was chosen itself
    package: Package | None = None  #: the whole of it, if asked for


class Missing(NamedTuple):
    """Something that a package depends on, and that is nowhere."""

    key: PackageKey  #: the package that needs it
    architecture: str
    field: str
    requirement: str
    reason: str = ""

    def __str__(self) -> str:
        where = f" on {self.architecture}" if self.key.architecture == "all" else ""
        text = f"{self.key.display} lacks, in {self.field}{where}: {self.requirement}"
        return f"{text} ({self.reason})" if self.reason else text


class Selection(NamedTuple):
    """What queries choose from a list: entries, and what they bring along."""

    chosen: tuple[Entry, ...]
    brought: tuple[Brought, ...] = ()
    lacks: tuple[Lack, ...] = ()

    @property
    def entries(self) -> list[Entry]:
        """All packages, those chosen first."""
        return [*self.chosen, *(one.entry for one in self.brought)]

    def found(self) -> list[Found]:
        """Return the packages as operations give them to their callers."""
        chosen = [Found(PackageKey.from_entry(entry)) for entry in self.chosen]
        return chosen + [Found(PackageKey.from_entry(b.entry), why(b)) for b in self.brought]

    def missing(self) -> tuple[Missing, ...]:
        """Return what could not be found, likewise."""
        return missing(self.lacks)


def missing(lacks: Iterable[Lack]) -> tuple[Missing, ...]:
    """Return what the resolver could not find, as operations give it to their callers."""
    return tuple(
        Missing(PackageKey.from_entry(lack.package), *lack[1:]) for lack in dict.fromkeys(lacks)
    )


def why(brought: Brought) -> str:
    """Return the package that pulled in this one, and which one it cannot be installed with."""
    text = f"{PackageKey.from_entry(brought.by).display} {brought.field}: {brought.requirement}"
    if brought.clash is None:
        return text
    one, other, field, relation = brought.clash
    names = [PackageKey.from_entry(entry).display for entry in (one, other)]
    return f"{text}; {names[0]} {field}: {relation}, which is {names[1]}"


def limits(config: Config) -> query.QueryLimits:
    """Return how large a query may be, as configured."""
    values = config.section("query")
    return query.QueryLimits(values["terms"], values["depth"], values["length"])


def parse(config: Config, queries: Iterable[str]) -> Query | None:
    """Return the query for what any of ``queries`` matches, or ``None`` for everything.

    Together they may be as large as one: the limits are those of the configuration.
    """
    texts, most = list(queries), config["query.count"]
    if len(texts) > most:
        raise InvalidInput(
            f"there are {len(texts)} queries, and {most} may come at once",
            hint="the setting query.count sets the limit",
        )
    left = limits(config)
    parsed = []
    for text in texts:
        found, left = query.parse_within(text, left)
        parsed.append(found)
    return query.or_(*parsed) if parsed else None


def members(
    txn: Transaction,
    set_id: SetId | None,
    wanted: Query | None,
    architectures: frozenset[str] = frozenset(),
) -> Iterable[Entry]:
    """Yield the packages of a set that a query matches, in order; all without one.

    Without a set, all packages there are. A query that names its packages reads those. With
    ``architectures``, only packages of these.
    """
    entries: Iterable[Entry] = _of(architectures, _all(txn, set_id))
    if wanted is None:
        return entries
    names = wanted.names()
    if names is not None and len(names) < _FEW:
        named = (entry for name in sorted(names) for entry in _named(txn, set_id, name))
        entries = _of(architectures, named)
    else:
        needles = wanted.needles()
        if needles is not None and len(needles) < _FEW:
            entries = _holding(txn, expecting(txn, entries), needles)
    if wanted.needs_record:
        entries = expecting(txn, entries)
    return query.select(wanted, entries, reader(txn))


def considered(architectures: Iterable[str], *, leaving: bool = False) -> frozenset[str]:
    """Return the architectures of the packages that a command considers; none: of all.

    Packages for ``all`` belong to each architecture. Where packages leave a list, they stay
    for the other architectures unless ``all`` is named.
    """
    names = frozenset(map(check_architecture, architectures))
    return names | {"all"} if names and not leaving else names


def _of(architectures: frozenset[str], entries: Iterator[Entry]) -> Iterator[Entry]:
    if not architectures:
        return entries
    wanted = {name.encode() for name in architectures}
    return (entry for entry in each(entries) if entry.split(b"\0", 2)[1] in wanted)


_FEW = 100  # names, or needles; to look for more costs as much as to go through everything


def _all(txn: Transaction, set_id: SetId | None) -> Iterator[Entry]:
    return find(txn) if set_id is None else packageset.entries(txn[CHUNKS], set_id)


def _named(txn: Transaction, set_id: SetId | None, name: str) -> Iterator[Entry]:
    if set_id is None:
        return find(txn, name)
    return packageset.find(txn[CHUNKS], set_id, name.encode() + b"\0")


def _holding(
    txn: Transaction, entries: Iterable[Entry], needles: frozenset[bytes]
) -> Iterator[Entry]:
    """Yield the packages whose records have one of the needles, whatever it means there."""
    record = txn[PACKAGES].get
    first, *others = needles  # a record that is gone is left for the query to stumble upon
    if not others:
        return (entry for entry in each(entries) if first in record(entry, first))
    return (e for e in each(entries) if any(needle in record(e, first) for needle in needles))


def search(
    session: Session,
    txn: Transaction,
    set_id: SetId | None,
    queries: Iterable[str],
    *,
    dependencies: Dependencies | None = None,
    architectures: Iterable[str] = (),
    latest: bool = False,
    details: bool = False,
) -> list[Found]:
    """Return the packages of a set, or of all there are, that any of the queries matches.

    Without a query, that is each of them. With ``architectures``, only packages of these and
    of ``all`` are chosen; with ``latest``, only the newest version of each name and architecture.
    """
    wanted = parse(session.config, queries)
    chosen = tuple(members(txn, set_id, wanted, considered(architectures)))
    if latest:
        chosen = tuple(newest(chosen))
    selected = Selection(chosen)
    if dependencies is not None:
        rules = following(session.config, txn, (set_id,), dependencies)
        selected = with_dependencies(txn, chosen, rules, offered=(set_id,))
    found = selected.found()
    if not details:
        return found
    return [
        one._replace(package=get(txn, entry))
        for one, entry in zip(found, selected.entries, strict=True)
    ]


def following(
    config: Config,
    txn: Transaction,
    sets: Iterable[SetId | None],
    dependencies: Dependencies,
) -> Following:
    """Return which dependencies to follow: as asked, else as configured.

    The architectures are those asked for, else those configured, else those of the first
    of the sets that has any.
    """
    from debrepo.resolver import Following  # which searching by a query can do without

    wanted = (*dependencies.follow, *config["dependencies.follow"])
    for name in wanted:
        if name not in FOLLOW:
            raise InvalidInput(
                f"cannot follow {name[:80]!r}", hint=f"what can be followed is: {', '.join(FOLLOW)}"
            )
    names = dependencies.architectures or config["architectures"]
    known = {check_architecture(name) for name in names}
    for set_id in sets:
        known = known - {"all", "source"} or architectures_of(txn, set_id)
    return Following(
        tuple(sorted(known - {"all", "source"})),
        recommends="recommends" in wanted,
        suggests="suggests" in wanted,
        source="source" in wanted,
        build_depends="build-depends" in wanted,
        all_variants="all-variants" in wanted,
        profiles=frozenset(config["dependencies.profiles"]),
    )


def architectures_of(txn: Transaction, set_id: SetId | None) -> set[str]:
    """Return the architectures that packages of a set have, or all packages there are."""
    names = {entry.split(b"\0", 2)[1] for entry in _all(txn, set_id)}
    return {name.decode() for name in names}


class _Catalog:
    """All packages there are, as the resolver looks things up."""

    def __init__(self, txn: Transaction) -> None:
        self._txn = txn

    def named(self, name: bytes) -> list[Entry]:
        return list(find(self._txn, name.decode()))

    def __iter__(self) -> Iterator[Entry]:
        return find(self._txn)

    def __contains__(self, entry: Entry) -> bool:
        return entry in self._txn[PACKAGES]


def universe(
    txn: Transaction, *, there: Iterable[SetId] = (), offered: Iterable[SetId | None]
) -> Universe:
    """Return sets as the resolver looks at them, `None` being all packages there are.

    It is good for as long as the transaction is.
    """
    from debrepo.packageset import Lookup
    from debrepo.resolver import Universe

    records, store = txn[PACKAGES], txn[CHUNKS]

    def record(entry: Entry) -> bytes:
        found = records.get(entry)
        if found is None:
            key = PackageKey.from_entry(entry)
            raise NotFound(f"no package {key} in the database", hint='run "debrepo db check"')
        return found

    return Universe(
        record,
        there=[Lookup(store, set_id) for set_id in there],
        offered=[_Catalog(txn) if set_id is None else Lookup(store, set_id) for set_id in offered],
    )


def with_dependencies(
    txn: Transaction,
    chosen: Iterable[Entry],
    rules: Following,
    *,
    there: Iterable[SetId] = (),
    offered: Iterable[SetId | None],
) -> Selection:
    """Return packages with all that they need and that is not ``there`` yet."""
    from debrepo.resolver import resolve

    roots = tuple(chosen)
    brought, lacks = resolve(universe(txn, there=there, offered=offered), roots, rules)
    return Selection(roots, brought, lacks)


def newest(entries: Iterable[Entry]) -> list[Entry]:
    """Return the newest version of every name and architecture, in order."""
    best: dict[bytes, tuple[bytes, Entry]] = {}
    for entry in each(sorted(entries)):
        version = sort_key(entry.split(b"\0", 3)[2].decode())
        group = packageset.group(entry)
        if group not in best or best[group][0] <= version:
            best[group] = version, entry
    return sorted(entry for _, entry in best.values())


def check_joinable(txn: Transaction, set_id: SetId, added: Iterable[Entry], name: str) -> None:
    """Raise `AlreadyExists` if a set has the name and version of a package with other bytes.

    Packages that are to join together must not stand in each other's way either.
    """
    joining = list(added)
    taken = packageset.conflicts(txn[CHUNKS], set_id, joining)
    seen: dict[bytes, Entry] = {}
    for entry in joining:
        other = taken.get(entry) or seen.setdefault(packageset.short(entry), entry)
        if other != entry:
            display = PackageKey.from_entry(entry).display
            raise AlreadyExists(
                f"{display} is in {name} already, with other bytes",
                hint="only one of them can be there: take the other one out first",
            )
