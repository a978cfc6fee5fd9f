"""Relations: what the dependency fields of a control file say.

See Debian Policy 7.1 for the syntax, 5.6.8 for architecture wildcards and the wiki's
BuildProfileSpec for profiles.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from debrepo.errors import InvalidInput
from debrepo.version import sort_key

_NAME = r"[A-Za-z0-9][A-Za-z0-9+._-]*"  # capitals and underscores: third parties have them
_ALTERNATIVE = re.compile(
    rf"""\s* (?P<name>{_NAME}) (?: :(?P<archqual>[A-Za-z0-9-]+) )?
    (?: \s*+ \( \s*+ (?P<operator><<|<=|<|=|>>|>=|>|) \s*+ (?P<version>[^\s()|,<>=]++) \s*+ \) )?
    (?: \s* \[ \s* (?P<architectures>!?[A-Za-z0-9-]+ (?:\s+!?[A-Za-z0-9-]+)*) \s* \] )?
    (?P<profiles> (?: \s* < \s* !?[A-Za-z0-9.+-]+ (?:\s+!?[A-Za-z0-9.+-]+)* \s* > )* ) \s*""",
    re.VERBOSE,
)
_PROFILES = re.compile(r"<([^>]*)>")

_MAX_CACHED = 2048  # characters of a field; a few long ones would fill the memory

_CANONICAL = {"": "=", "<": "<=", ">": ">="}  # (1.0) and obsolete operators, Policy 7.1

_CPUS = {"armel": "arm", "armhf": "arm", "x32": "amd64", "arm64ilp32": "arm64"}


class Alternative(NamedTuple):
    """One package that would do, as in ``libc6:any (>= 2.36) [linux-any] <!nocheck>``."""

    name: str
    archqual: str = ""
    operator: str = ""  #: ``<<``, ``<=``, ``=``, ``>=``, ``>>``, or none
    version: str = ""
    architectures: tuple[str, ...] = ()
    profiles: tuple[tuple[str, ...], ...] = ()

    def __str__(self) -> str:
        text = f"{self.name}:{self.archqual}" if self.archqual else self.name
        if self.operator:
            text += f" ({self.operator} {self.version})"
        if self.architectures:
            text += f" [{' '.join(self.architectures)}]"
        return text + "".join(f" <{' '.join(profiles)}>" for profiles in self.profiles)

    def satisfied_by(self, version: str) -> bool:
        """Tell whether this version of the package would do."""
        return not self.operator or satisfies(version, self.operator, self.version)

    def applies_to(self, architecture: str, profiles: frozenset[str] = frozenset()) -> bool:
        """Tell whether the restrictions let it count on an architecture, with these profiles."""
        return _on_architecture(self.architectures, architecture) and (
            not self.profiles
            or any(all(_holds(term, profiles) for term in terms) for terms in self.profiles)
        )


class Requirement(tuple[Alternative, ...]):
    """Alternatives of which one has to be there."""

    __slots__ = ()

    def __str__(self) -> str:
        return " | ".join(map(str, self))


class Requirements(tuple[Requirement, ...]):
    """A whole dependency field: everything that has to be there."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(map(str, self))


class Provided(NamedTuple):
    """A name that a package stands in for, and the version it does so as, if it says."""

    name: str
    version: str = ""

    def satisfies(self, relation: Alternative) -> bool:
        """Tell whether it meets a relation; without a version it meets none to a version."""
        if self.name != relation.name or (relation.operator and not self.version):
            return False
        return relation.satisfied_by(self.version)


def parse(text: str) -> Requirements:
    """Return what a field such as ``Depends`` or ``Build-Depends`` asks for.

    Raises `InvalidInput` with the column; a superfluous comma is accepted, as by dpkg.
    """
    return _cached_parse(text) if len(text) <= _MAX_CACHED else _parse(text)


def _parse(text: str) -> Requirements:
    requirements = []
    column = 1
    for part in text.split(","):
        if part and not part.isspace():
            requirements.append(_requirement(part, column))
        column += len(part) + 1
    return Requirements(requirements)


_cached_parse = lru_cache(maxsize=4096)(_parse)


def _requirement(text: str, column: int) -> Requirement:
    alternatives = []
    for part in text.split("|"):
        alternative = _alternative(part)
        if alternative is None:
            raise _complaint(part, column)
        alternatives.append(alternative)
        column += len(part) + 1
    return Requirement(alternatives)


def _alternative(text: str) -> Alternative | None:
    return _cached_alternative(text) if len(text) <= _MAX_CACHED else _read_alternative(text)


def _read_alternative(text: str) -> Alternative | None:
    found = _ALTERNATIVE.fullmatch(text)
    if found is None:
        return None
    name, archqual, operator, version, architectures, profiles = found.groups()
    return Alternative(
        name,
        archqual or "",
        _CANONICAL.get(operator, operator) if version else "",
        version or "",
        tuple(architectures.split()) if architectures else (),
        tuple(tuple(terms.split()) for terms in _PROFILES.findall(profiles)),
    )


_cached_alternative = lru_cache(maxsize=16384)(_read_alternative)


def _complaint(text: str, column: int) -> InvalidInput:
    understood = _ALTERNATIVE.match(text)
    if understood is None:
        offset = len(text) - len(text.lstrip())
        expected = "a package name"
    else:
        offset = understood.end()
        expected = "the end of the relation"
    rest = text[offset:].strip()
    return InvalidInput(
        f"column {column + offset}: expected {expected}, found {rest[:40]!r}"
        if rest
        else f"column {column + offset}: expected {expected}",
        hint="a relation looks like: libc6:any (>= 2.36) [amd64 i386] <!nocheck>",
    )


def provides(text: str) -> tuple[Provided, ...]:
    """Return what a ``Provides`` field offers.

    Entries other than ``name`` and ``name (= version)`` offer nothing (Policy 7.5). They are
    left out, so that one malformed package does not stop a search.
    """
    return _cached_provides(text) if len(text) <= _MAX_CACHED else _provides(text)


def _provides(text: str) -> tuple[Provided, ...]:
    found = []
    for part in text.split(","):
        alternative = _alternative(part)
        if alternative is not None and alternative.operator in ("", "="):
            found.append(Provided(alternative.name, alternative.version))
    return tuple(found)


_cached_provides = lru_cache(maxsize=4096)(_provides)


def satisfies(version: str, operator: str, wanted: str) -> bool:
    """Tell whether ``version operator wanted`` holds, in Debian's order of versions."""
    left, right = sort_key(version), sort_key(wanted)
    match operator:
        case "=":
            return left == right
        case "<<":
            return left < right
        case "<=":
            return left <= right
        case ">=":
            return left >= right
        case ">>":
            return left > right
    raise InvalidInput(
        f"not a relation between versions: {operator!r}", hint="use one of << <= = >= >>"
    )


def architecture_matches(architecture: str, wildcard: str) -> bool:
    """Tell whether ``linux-any``, ``any-arm``, ``any`` or a plain name covers an architecture."""
    if wildcard in ("any", architecture):
        return True
    system, _, cpu = wildcard.rpartition("-")
    if "any" not in (system, cpu):
        return False
    own_system, _, own_cpu = architecture.rpartition("-")
    own_cpu = _CPUS.get(own_cpu, own_cpu)
    return system in ("any", own_system or "linux") and cpu in ("any", own_cpu)


def _on_architecture(restrictions: tuple[str, ...], architecture: str) -> bool:
    if not restrictions:
        return True
    refused = [term[1:] for term in restrictions if term.startswith("!")]
    if any(architecture_matches(architecture, term) for term in refused):
        return False
    wanted = [term for term in restrictions if not term.startswith("!")]
    return not wanted or any(architecture_matches(architecture, term) for term in wanted)


def _holds(term: str, profiles: frozenset[str]) -> bool:
    return term[1:] not in profiles if term.startswith("!") else term in profiles
