"""Conflicts: packages that cannot be installed together, by ``Conflicts`` and ``Breaks``.

The rules are those of Debian Policy 7.3 and 7.4, and of dpkg: a relation holds on every
architecture unless it names one, ``Provides`` counts as it does for ``Depends``, and no
package is in conflict with itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import relations
from debrepo.errors import InvalidInput
from debrepo.resolver.rules import provided

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.package import Entry, Package
    from debrepo.relations import Alternative

_FIELDS = ("Conflicts", "Breaks")


class Clash(NamedTuple):
    """Why two packages cannot be installed together: a relation of the first that it states."""

    package: Entry
    other: Entry
    field: str
    relation: str


class _Stated(NamedTuple):
    by: Package
    field: str
    relation: Alternative


class Coinstallation:
    """Packages that are to be installed together, and what they exclude."""

    def __init__(self) -> None:
        self._named: dict[str, list[Package]] = {}
        self._excluded: dict[str, list[_Stated]] = {}

    def add(self, package: Package) -> None:
        """Let another package join."""
        for name in _names(package):
            self._named.setdefault(name, []).append(package)
        for stated in _stated(package):
            self._excluded.setdefault(stated.relation.name, []).append(stated)

    def clash(self, package: Package) -> Clash | None:
        """Return why a package cannot join, or ``None``."""
        for stated in _stated(package):
            for other in self._named.get(stated.relation.name, ()):
                if _excludes(stated, other):
                    return _clash(stated, other)
        for name in _names(package):
            for stated in self._excluded.get(name, ()):
                if _excludes(stated, package):
                    return _clash(stated, package)
        return None


def _names(package: Package) -> set[str]:
    return {package.key.name, *(offer.name for offer in provided(package))}


def _stated(package: Package) -> Iterator[_Stated]:
    """Yield what a package excludes; a field that cannot be read excludes nothing."""
    if package.kind == "source":
        return
    for field in _FIELDS:
        text = package.field(field)
        try:
            found = relations.parse(text) if text else ()
        except InvalidInput:
            continue
        for requirement in found:
            for relation in requirement:
                yield _Stated(package, field, relation)


def _excludes(stated: _Stated, other: Package) -> bool:
    relation = stated.relation
    if stated.by.kind != other.kind or stated.by.key.entry == other.key.entry:
        return False
    if relation.archqual not in ("", "any", other.key.architecture):
        return False
    if relation.name == other.key.name and relation.satisfied_by(other.key.version):
        return True
    return any(offer.satisfies(relation) for offer in provided(other))


def _clash(stated: _Stated, other: Package) -> Clash:
    return Clash(stated.by.key.entry, other.key.entry, stated.field, str(stated.relation))
