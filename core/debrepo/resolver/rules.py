"""The rules: which fields ask for what, on which architecture, and what satisfies them.

They are those of Debian Policy, chapter 7, and of dpkg: a version in ``Provides`` counts,
and a relation with a version is not met by a ``Provides`` without; a package fits its own
architecture, ``Architecture: all`` fits each, ``Multi-Arch: foreign`` lets a package do for
others, ``allowed`` for those that ask for ``:any``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import relations
from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.package import Entry, Kind, Package
    from debrepo.relations import Alternative, Requirement

_ALWAYS = ("Pre-Depends", "Depends")
_BUILD = ("Build-Depends", "Build-Depends-Arch", "Build-Depends-Indep")
SOURCE = "Source"  #: stands for the field of a relation that `Following.source` makes up

#: Without these a package cannot be installed, or built.
STRICT = frozenset((*_ALWAYS, *_BUILD))


class Following(NamedTuple):
    """Which dependencies to follow, and on which architectures."""

    architectures: tuple[str, ...] = ()  #: without ``all`` and ``source``
    recommends: bool = False
    suggests: bool = False
    source: bool = False  #: from a binary package to its source
    build_depends: bool = False  #: from a source package to what building it takes
    all_variants: bool = False  #: everything that would do, not the first that does
    profiles: frozenset[str] = frozenset()  #: build profiles, such as ``nocheck``


class Need(NamedTuple):
    """A requirement, and for whom: what satisfies it depends on nothing else."""

    requirement: Requirement
    architecture: str
    kind: Kind  #: what satisfies it: a ``udeb`` needs udebs


class Lack(NamedTuple):
    """Something that nothing satisfies, or, with a ``reason``, that cannot be read."""

    package: Entry
    architecture: str
    field: str
    requirement: str
    reason: str = ""


class Asked(NamedTuple):
    """What a package asks for, field by field, and what of its fields is no relation."""

    needs: list[tuple[str, Need]]
    problems: list[Lack]


def asked(package: Package, following: Following) -> Asked:
    """Return what a package asks for; one for all architectures asks on each of them anew."""
    found = Asked([], [])
    for architecture in contexts(package.key.architecture, following):
        kind: Kind = "udeb" if package.kind == "udeb" else "deb"
        for field in _fields(package, following):
            text = package.field(field)
            try:
                requirements = relations.parse(text) if text else ()
            except InvalidInput as error:
                entry = package.key.entry
                found.problems.append(Lack(entry, architecture, field, text[:80], str(error)))
                continue
            for requirement in requirements:
                counted = _counted(requirement, architecture, following.profiles)
                if counted:
                    found.needs.append((field, Need(counted, architecture, kind)))
    if following.source and package.kind in ("deb", "udeb"):
        name, version = package.source
        alternative = relations.Alternative(name, operator="=", version=version)
        found.needs.append(
            (SOURCE, Need(relations.Requirement((alternative,)), "source", "source"))
        )
    return found


def _fields(package: Package, following: Following) -> Iterator[str]:
    if package.kind == "source":
        if following.build_depends:
            yield from _BUILD
        return
    yield from _ALWAYS
    if following.recommends:
        yield "Recommends"
    if following.suggests:
        yield "Suggests"


def contexts(architecture: str, following: Following) -> tuple[str, ...]:
    """Return the architectures on which a package of this one is installed, or built."""
    if architecture in ("all", "source"):
        return following.architectures or ("all",)
    return (architecture,) if architecture in following.architectures else ()


def _counted(
    requirement: Requirement, architecture: str, profiles: frozenset[str]
) -> Requirement | None:
    """Return the alternatives that the restrictions leave, or ``None`` if none are left."""
    if not any(a.architectures or a.profiles for a in requirement):
        return requirement
    left = [a for a in requirement if a.applies_to(architecture, profiles)]
    return relations.Requirement(left) if left else None


def fits(package: Package, alternative: Alternative, need: Need) -> bool:
    """Tell whether a package is of a kind and of an architecture that satisfies it."""
    if package.kind != need.kind:
        return False
    own, wanted, qualifier = package.key.architecture, need.architecture, alternative.archqual
    if qualifier == "any":
        return package.field("Multi-Arch") == "allowed" or own == wanted == "all"
    if qualifier not in ("", "native"):
        return own == qualifier or (own == "all" and qualifier == wanted)
    if own in (wanted, "all"):
        return True
    return not qualifier and package.field("Multi-Arch") == "foreign"


def provided(package: Package) -> tuple[relations.Provided, ...]:
    """Return what a package stands in for."""
    if package.kind == "source" or b"rovides:" not in package.stanza:
        return ()
    return relations.provides(package.field("Provides"))
