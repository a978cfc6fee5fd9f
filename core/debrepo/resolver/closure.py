"""The closure: what packages need, what that needs, and so on, until nothing is missing."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from debrepo.resolver.conflicts import Clash, Coinstallation
from debrepo.resolver.rules import STRICT, Following, Lack, Need, asked, provided
from debrepo.stopping import checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.package import Entry
    from debrepo.relations import Requirement
    from debrepo.resolver.universe import Universe

#: How often to begin anew without packages that turned out to lack something. One round is
#: nearly always enough, since each finds out about every package that it looked at.
_ROUNDS = 10


class Brought(NamedTuple):
    """A package that was brought, and the first one that asked for it, where and how."""

    entry: Entry
    by: Entry
    field: str
    requirement: str
    architecture: str
    clash: Clash | None = None  #: with a package of the same closure, if none would do without


class Resolution(NamedTuple):
    """What packages need beyond what is there, in the order in which it was found."""

    brought: tuple[Brought, ...]
    lacks: tuple[Lack, ...]


def resolve(universe: Universe, roots: Iterable[Entry], following: Following) -> Resolution:
    """Return what has to be brought for ``roots`` to have all that they depend on.

    Of several packages that would do, one is taken that has all that it needs itself and
    that can be installed together with what was found so far for the same root; where there
    is none, the first, and what is missing, or in conflict, is reported. What is there
    already does not count: a list may have packages that exclude one another.
    """
    given = sorted(roots)
    unusable: set[Entry] = set()
    for _ in range(_ROUNDS):
        attempt = _Attempt(universe, following, unusable)
        attempt.run(given)
        learned = attempt.unusable() - unusable
        if not learned or not attempt.has_choice(learned):
            break
        unusable |= learned
    return Resolution(tuple(attempt.brought.values()), tuple(attempt.lacks))


def verify(universe: Universe, roots: Iterable[Entry], following: Following) -> list[Lack]:
    """Return what ``roots`` ask for and the universe does not have.

    With ``all_variants``, every alternative has to be there.
    """
    known: dict[Need, bool] = {}
    lacks: list[Lack] = []
    for entry in sorted(roots):
        checkpoint()
        needs, problems = asked(universe.glimpse(entry), following)
        lacks += problems
        for field, need in needs:
            for one in _variants(need) if following.all_variants else (need,):
                if one not in known:
                    known[one] = next(universe.candidates(one), None) is not None
                if not known[one]:
                    lacks.append(Lack(entry, one.architecture, field, str(one.requirement)))
    return lacks


def _variants(need: Need) -> list[Need]:
    kind: type[Requirement] = type(need.requirement)
    return [need._replace(requirement=kind((alternative,))) for alternative in need.requirement]


class _Attempt:
    """One run through the dependencies, with what earlier ones found to be of no use."""

    def __init__(self, universe: Universe, following: Following, unusable: set[Entry]) -> None:
        self.brought: dict[Entry, Brought] = {}
        self.lacks: list[Lack] = []
        self._universe = universe
        self._following = following
        self._banned = unusable
        self._present: set[Entry] = set()
        self._provided: set[str] = set()  # by what is present
        self._needs: dict[Entry, list[tuple[str, Need]]] = {}
        self._met: dict[Need, bool] = {}
        self._root: dict[Entry, Entry] = {}  # of the closure that a package is in
        self._together: dict[Entry, Coinstallation] = {}  # by root

    def run(self, roots: list[Entry]) -> None:
        """Go through the roots and all they need, those that ask first coming first."""
        for root in roots:
            self._add(root, root)
        queue = deque(roots)
        while queue:
            checkpoint()
            entry = queue.popleft()
            needs, problems = asked(self._universe.package(entry), self._following)
            self._needs[entry] = needs
            self.lacks += problems
            for field, need in needs:
                if need not in self._met:
                    queue += self._meet(entry, field, need)
                if not self._met[need]:
                    text = str(need.requirement)
                    self.lacks.append(Lack(entry, need.architecture, field, text))

    def _meet(self, by: Entry, field: str, need: Need) -> list[Entry]:
        """Bring what a need takes; return what of it is new."""
        root = self._root[by]
        chosen = self._choose(need, root)
        self._met[need] = bool(chosen)
        new = [entry for entry in chosen if not self._is_present(entry)]
        for entry in new:
            clash = None if self._following.all_variants else self._clash(entry, root)
            self._add(entry, root)
            requirement = str(need.requirement)
            self.brought[entry] = Brought(entry, by, field, requirement, need.architecture, clash)
        return new

    def _clash(self, entry: Entry, root: Entry) -> Clash | None:
        return self._together[root].clash(self._universe.package(entry))

    def _choose(self, need: Need, root: Entry) -> list[Entry]:
        if self._following.all_variants:
            return list(self._universe.candidates(need))
        present = self._present_one(need)
        if present is not None:
            return [present]
        first = whole = None
        for entry in self._universe.candidates(need):
            first = first or entry
            if entry not in self._banned:
                if not self._clash(entry, root):
                    return [entry]
                whole = whole or entry
        found = whole or first
        return [found] if found else []

    def _present_one(self, need: Need) -> Entry | None:
        """Return what satisfies a need already; who provides what is asked only if it counts."""
        found = self._universe.of_name(need)
        if self._universe.has_there or any(a.name in self._provided for a in need.requirement):
            found = self._universe.candidates(need)
        return next((entry for entry in found if self._is_present(entry)), None)

    def _is_present(self, entry: Entry) -> bool:
        return entry in self._present or self._universe.is_there(entry)

    def _add(self, entry: Entry, root: Entry) -> None:
        package = self._universe.package(entry)
        self._present.add(entry)
        self._provided.update(offer.name for offer in provided(package))
        self._root[entry] = root
        self._together.setdefault(root, Coinstallation()).add(package)

    def unusable(self) -> set[Entry]:
        """Return the packages that are known by now not to have all that they need."""
        broken = {lack.package for lack in self.lacks if lack.field in STRICT} | self._banned
        waiting = deque(broken)
        users: dict[Entry, list[tuple[Entry, Need]]] = {}
        if broken:
            for entry, needs in self._needs.items():
                for field, need in needs:
                    if field in STRICT and self._met[need]:
                        for candidate in self._universe.candidates(need):
                            users.setdefault(candidate, []).append((entry, need))
        while waiting:
            checkpoint()
            for user, need in users.get(waiting.popleft(), ()):
                if user not in broken and all(c in broken for c in self._universe.candidates(need)):
                    broken.add(user)
                    waiting.append(user)
        return broken

    def has_choice(self, unusable: set[Entry]) -> bool:
        """Tell whether another run would take something else for one of these packages."""
        wanted = {entry for entry in unusable if entry in self.brought}
        return any(
            any(c in wanted for c in candidates) and any(c not in unusable for c in candidates)
            for needs in self._needs.values()
            for _, need in needs
            for candidates in [list(self._universe.candidates(need))]
        )
