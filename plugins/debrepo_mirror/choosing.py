"""Choosing: which of the packages that an archive offers come into a mirror."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from debrepo import packageset, query, selection
from debrepo.catalog import PACKAGES
from debrepo.dependencies import Dependencies
from debrepo.errors import InvalidInput, NotFound
from debrepo.package import Entry, PackageKey, decode
from debrepo.stopping import each
from debrepo_mirror.tables import ArchiveFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from debrepo.config import Config
    from debrepo.database import Transaction
    from debrepo.package import Package
    from debrepo.query import Query
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.spool import Spool

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9+._-]*)\s*=\s*([^\s=]+)")


class Pin(NamedTuple):
    """What the packages of some names are limited to."""

    names: frozenset[str]
    version: str = ""  #: with the wildcards of a shell; empty: what the query matches
    query: Query | None = None

    def allows(self, entry: Entry, load: Callable[[bytes], Package]) -> bool:
        """Tell whether a package of one of the names may come in."""
        if self.query is None:
            return fnmatchcase(entry.split(b"\0", 3)[2].decode(), self.version)
        return any(query.select(self.query, [entry], load))


def parse_pin(config: Config, text: str) -> Pin:
    """Return what ``name=version``, or a query that names packages, limits these to."""
    if found := _PIN.fullmatch(text.strip()):
        return Pin(frozenset([found[1]]), found[2])
    wanted = selection.parse(config, [text])
    names = _names(wanted) if wanted else None
    if wanted is None or not names:
        raise InvalidInput(
            f"a pin has to name packages, which {text[:80]!r} does not",
            hint="use one such as 'nginx=1.22.*' or 'nginx (<< 1.23)'",
        )
    return Pin(frozenset(names), query=wanted)


def _names(wanted: Query) -> frozenset[str] | None:
    """Return the names that a query is about, also those that packages may provide."""
    if isinstance(wanted, query.Dependency):
        return frozenset([wanted.name])
    return wanted.names()


def check_queries(config: Config, mirror: Mirror) -> None:
    """Raise `InvalidInput` for a filter or a pin that nobody can read."""
    if mirror.filter:
        selection.parse(config, [mirror.filter])
    for pin in mirror.pins:
        parse_pin(config, pin)


class ChosenPackages(NamedTuple):
    """What was chosen, and what could not be found for it."""

    entries: frozenset[Entry]
    faults: tuple[ArchiveFault, ...] = ()


def choose(
    config: Config,
    txn: Transaction,
    mirror: Mirror,
    offered: Sequence[Entry],
    spool: Spool,
    present: Iterable[Entry] = (),
) -> ChosenPackages:
    """Return what a mirror takes of all that is ``offered``: pins first, then filter, then latest.

    Of a pinned package, versions that are ``present`` and not offered any more stay.
    """
    record = partial(_record, txn, spool)
    load = partial(_load, record)
    pins = [parse_pin(config, pin) for pin in mirror.pins]
    entries = pinned(offered, present, pins, load)
    faults: tuple[ArchiveFault, ...] = ()
    if mirror.filter:
        entries, faults = _filtered(config, txn, mirror, entries, record)
    if mirror.latest:
        entries = selection.newest(entries)
    return ChosenPackages(frozenset(entries), faults)


def pinned(
    offered: Sequence[Entry],
    present: Iterable[Entry],
    pins: Sequence[Pin],
    load: Callable[[bytes], Package],
) -> list[Entry]:
    """Return what pins leave of what is offered, and what they keep of what is present."""
    by_name: dict[bytes, list[Pin]] = {}
    for pin in pins:
        for name in pin.names:
            by_name.setdefault(name.encode(), []).append(pin)

    def pins_of(entry: Entry) -> list[Pin]:
        return by_name.get(entry.partition(b"\0")[0], [])

    def allowed(entry: Entry) -> bool:
        return any(pin.allows(entry, load) for pin in pins_of(entry))

    kept = [entry for entry in offered if not pins_of(entry) or allowed(entry)]
    taken = {packageset.short(entry) for entry in kept}
    return kept + [
        entry
        for entry in present
        if pins_of(entry) and packageset.short(entry) not in taken and allowed(entry)
    ]


def _record(txn: Transaction, spool: Spool, entry: Entry) -> bytes:
    if entry in spool:
        return spool.record(entry)
    stored = txn[PACKAGES].get(entry)
    if stored is None:
        key = PackageKey.from_entry(entry)
        raise NotFound(f"no package {key} in the database", hint='run "debrepo db check"')
    return stored


def _load(record: Callable[[Entry], bytes], entry: bytes) -> Package:
    return decode(PackageKey.from_entry(entry), record(Entry(entry)))


def _filtered(
    config: Config,
    txn: Transaction,
    mirror: Mirror,
    offered: Sequence[Entry],
    record: Callable[[Entry], bytes],
) -> tuple[list[Entry], tuple[ArchiveFault, ...]]:
    """Return what the filter chooses, with dependencies and sources as the mirror has it."""
    load = partial(_load, record)
    wanted = selection.parse(config, [mirror.filter])
    ordered = sorted(offered)
    chosen = list(query.select(wanted, ordered, load)) if wanted else list(ordered)
    if mirror.filter_with_deps:
        from debrepo.resolver import Universe, resolve

        store: dict[bytes, bytes] = {}
        everything = packageset.Lookup(store, packageset.build(store, ordered))
        rules = selection.following(
            config, txn, (), Dependencies(architectures=mirror.architectures)
        )
        brought, _ = resolve(Universe(record, offered=[everything]), tuple(chosen), rules)
        chosen += [one.entry for one in brought]
    if not mirror.sources:
        return chosen, ()
    return _with_sources(chosen, ordered, load)


def _with_sources(
    chosen: list[Entry], ordered: Sequence[Entry], load: Callable[[bytes], Package]
) -> tuple[list[Entry], tuple[ArchiveFault, ...]]:
    """Add the exact source package of every binary package that was chosen."""
    mark = b"\0source\0"
    there = {packageset.short(entry): entry for entry in ordered if entry.find(mark) > 0}
    found, faults = dict.fromkeys(chosen), []
    lacking: set[tuple[str, str]] = set()
    for entry in each(chosen):
        package = load(entry)
        if package.kind not in ("deb", "udeb"):
            continue
        name, version = package.source
        source = there.get(f"{name}\0source\0{version}\0".encode())
        if source is not None:
            found[source] = None
        elif (name, version) not in lacking:
            lacking.add((name, version))
            text = f"its source package {name} {version} is not listed"
            faults.append(ArchiveFault("Sources", package.key.display, text))
    return list(found), tuple(faults)
