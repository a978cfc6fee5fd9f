"""The universe: packages of several lists, found by name and by what they provide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from debrepo.package import Package, PackageKey, decode
from debrepo.resolver.rules import fits, provided
from debrepo.version import sort_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from debrepo.package import Entry
    from debrepo.relations import Alternative
    from debrepo.resolver.rules import Need

#: Of packages that provide the same, what a default installation has comes first.
_PRIORITIES = {name: i for i, name in enumerate(("required", "important", "standard", "optional"))}


_FEW = 50  # names to look for in records one by one; for more, all are taken apart


class Members(Protocol):
    """Packages among which to look: a `Lookup`, or anything like it."""

    def named(self, name: bytes) -> list[Entry]:
        """Return the entries of the packages called ``name``."""
        ...

    def __iter__(self) -> Iterator[Entry]: ...

    def __contains__(self, entry: Entry) -> bool: ...


class Universe:
    """Where to look: lists whose packages are there already, and lists that have others.

    ``record`` returns the record of a package, as `debrepo.package.encode` made it. Records
    are read by need, and kept; only what provides a name takes a look at all of them, once.
    """

    def __init__(
        self,
        record: Callable[[Entry], bytes],
        *,
        there: Sequence[Members] = (),
        offered: Sequence[Members] = (),
    ) -> None:
        self._record = record
        self._there = there
        self._lists = (*there, *offered)
        self._packages: dict[Entry, Package] = {}
        self._named: dict[str, list[Entry]] = {}
        self._offers: dict[Entry, bytes] | None = None  # records that provide anything
        self._index: dict[str, set[Entry]] | None = None  # who provides what
        self._providers: dict[str, list[Entry]] = {}

    def package(self, entry: Entry) -> Package:
        """Return a package of the universe, or of those that are asked for from outside."""
        found = self._packages.get(entry)
        if found is None:
            found = self._packages[entry] = self.glimpse(entry)
        return found

    def glimpse(self, entry: Entry) -> Package:
        """Return a package without keeping it: for those who go through very many."""
        return decode(PackageKey.from_entry(entry), self._record(entry))

    @property
    def has_there(self) -> bool:
        """Whether there are lists of what is there already."""
        return bool(self._there)

    def is_there(self, entry: Entry) -> bool:
        """Tell whether a package is on a list of what is there already."""
        return any(entry in lookup for lookup in self._there)

    def candidates(self, need: Need) -> Iterator[Entry]:
        """Yield what satisfies a need, each once, and what is to be preferred first.

        Alternatives count in their order; of one, packages of that name come before those
        that provide it, the own architecture before others, newer versions before older.
        """
        seen: set[Entry] = set()
        for alternative in need.requirement:
            for entry in self._satisfying(alternative, need):
                if entry not in seen:
                    seen.add(entry)
                    yield entry

    def of_name(self, need: Need) -> Iterator[Entry]:
        """Yield those candidates that have the name itself, at the cost of looking it up."""
        for alternative in need.requirement:
            yield from self._own(alternative, need)

    def _satisfying(self, alternative: Alternative, need: Need) -> Iterator[Entry]:
        yield from self._own(alternative, need)
        if need.kind == "source":
            return
        yield from self._own_first(
            need,
            [
                entry
                for entry in self._providing(alternative.name)
                if _provides(self.package(entry), alternative)
                and fits(self.package(entry), alternative, need)
            ],
        )

    def _own(self, alternative: Alternative, need: Need) -> list[Entry]:
        return self._own_first(
            need,
            [
                entry
                for entry in self._of_name(alternative.name)
                if alternative.satisfied_by(self.package(entry).key.version)
                and fits(self.package(entry), alternative, need)
            ],
        )

    def _own_first(self, need: Need, found: list[Entry]) -> list[Entry]:
        if len(found) < 2:
            return found
        own = (need.architecture, "all")
        return sorted(found, key=lambda e: self.package(e).key.architecture not in own)

    def _of_name(self, name: str) -> list[Entry]:
        found = self._named.get(name)
        if found is None:
            encoded = name.encode()
            entries = sorted({e for lookup in self._lists for e in lookup.named(encoded)})
            found = self._named[name] = _newest_first(entries)
        return found

    def _providing(self, name: str) -> list[Entry]:
        found = self._providers.get(name)
        if found is None:
            found = self._providers[name] = self._ranked(self._offering(name))
        return found

    def _offering(self, name: str) -> set[Entry]:
        """Return the packages that provide a name, reading every record the first time."""
        if self._offers is None:
            record = self._record
            entries = {entry for lookup in self._lists for entry in lookup}
            records = ((entry, record(entry)) for entry in sorted(entries))
            self._offers = {entry: found for entry, found in records if b"rovides:" in found}
        if len(self._providers) >= _FEW:
            if self._index is None:
                self._index = self._indexed(self._offers)
            return self._index.get(name, set())
        needle = name.encode()
        return {
            entry
            for entry, found in self._offers.items()
            if needle in found and name in self._provided(entry)
        }

    def _provided(self, entry: Entry) -> Iterator[str]:
        return (offer.name for offer in provided(self.package(entry)))

    def _indexed(self, entries: Iterable[Entry]) -> dict[str, set[Entry]]:
        index: dict[str, set[Entry]] = {}
        for entry in entries:
            for name in self._provided(entry):
                index.setdefault(name, set()).add(entry)
        return index

    def _ranked(self, entries: set[Entry]) -> list[Entry]:
        def rank(entry: Entry) -> tuple[int, str]:
            package = self.package(entry)
            return _PRIORITIES.get(package.field("Priority"), len(_PRIORITIES)), package.key.name

        if len(entries) == 1:
            return list(entries)
        return sorted(_newest_first(sorted(entries)), key=rank)


def _newest_first(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda e: sort_key(e.split(b"\0", 3)[2].decode()), reverse=True)


def _provides(package: Package, alternative: Alternative) -> bool:
    return any(offer.satisfies(alternative) for offer in provided(package))
