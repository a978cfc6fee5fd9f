"""The terms of a query: fields, dependency-like terms, and single packages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo.query.lexer import quote
from debrepo.query.patterns import condition, is_literal
from debrepo.query.tree import ARCHITECTURE, NAME, VERSION, Compiled, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from debrepo.package import PackageKey
    from debrepo.query.candidate import Candidate
    from debrepo.query.patterns import Condition

SPECIAL_FIELDS = ("$Architecture", "$PackageType", "$Source", "$SourceVersion", "$Version")

_LETTERS = re.compile("[A-Za-z]{2,}")
_WORD = re.compile("[0-9A-Za-z-]{2,}")
_EQUAL, _PATTERN, _VERSION, _RECORD = 0, 1, 2, 5  # what a term costs, roughly


class Field(Query):
    """What a field says meets a condition; without an operator, it says something.

    Field names are taken without regard to case. ``Package`` is another word for ``Name``.
    """

    __match_args__ = ("name", "operator", "value")

    def __init__(self, name: str, operator: str = "", value: str = "") -> None:
        self.name = name
        self.operator = operator
        self.value = value
        self.parts = (name, operator, value)

    def __str__(self) -> str:
        return quote(self.name) + _condition_text(self.operator, self.value)

    def names(self) -> frozenset[str] | None:
        if self.name.lower() not in ("name", "package"):
            return None
        if self.operator == "=" or (self.operator == "%" and is_literal(self.value)):
            return frozenset((self.value,))
        return None

    def needles(self) -> frozenset[bytes] | None:
        name = self.name.lower()
        if name in _BY_NAME and name != "$source":
            return None
        found: list[str] = []
        if self.operator == "=":
            # As versions, 1.0 and 1.00 are equal, but what has no digits is equal to the letter.
            found = _LETTERS.findall(self.value)
        elif self.operator == "~" and _WORD.fullmatch(self.value):
            found = [self.value]  # as an expression, it is nothing but itself
        longest = max(found, key=len, default="")
        return frozenset((longest.encode(),)) if longest else None

    def compile(self) -> Compiled:
        build = _BY_NAME.get(self.name.lower(), _other_field)
        return build(self)

    @property
    def condition(self) -> Condition:
        """What the operator and the value ask of a text."""
        return condition(self.operator, self.value)


class Dependency(Query):
    """A package that would satisfy a dependency, by its own name or by what it provides.

    A package that provides the name without a version does so as its own version.
    """

    __match_args__ = ("name", "operator", "version", "architecture")

    def __init__(
        self, name: str, operator: str = "", version: str = "", architecture: str = ""
    ) -> None:
        self.name = name
        self.operator = operator
        self.version = version
        self.architecture = architecture
        self.parts = (name, operator, version, architecture)

    def __str__(self) -> str:
        text = quote(self.name) + _condition_text(self.operator, self.version)
        return f"{text} {{{quote(self.architecture)}}}" if self.architecture else text

    def needles(self) -> frozenset[bytes] | None:
        return frozenset((self.name.encode(),))  # in Package, Source or Provides

    def compile(self) -> Compiled:
        wanted, accepts = self.name, _accepts(self.operator, self.version)
        fits = _architecture(self.architecture) if self.architecture else _anything

        def by_key(key: Sequence[str]) -> bool | None:
            if not fits(key[ARCHITECTURE]):
                return False
            if key[NAME] == wanted and accepts(key[VERSION]):
                return True
            return False if key[ARCHITECTURE] == "source" else None

        def by_record(candidate: Candidate) -> bool:
            verdict = by_key(candidate.key)
            return _provided(candidate, wanted, accepts) if verdict is None else verdict

        return Compiled(by_key, by_record, _RECORD)


class Exact(Query):
    """One package, to the letter; the hash of the key may be left empty."""

    __match_args__ = ("key",)

    def __init__(self, key: PackageKey) -> None:
        self.key = key
        self.parts = (key,)

    def __str__(self) -> str:
        return quote(str(self.key) if self.key.hash else self.key.display)

    def names(self) -> frozenset[str] | None:
        return frozenset((self.key.name,))

    def compile(self) -> Compiled:
        wanted = self.key
        if wanted.hash:
            return Compiled(lambda key: tuple(key) == wanted, cost=_EQUAL)
        return Compiled(lambda key: tuple(key[:3]) == wanted[:3], cost=_EQUAL)


def _condition_text(operator: str, value: str) -> str:
    return f" ({operator} {quote(value)})" if operator else ""


def _accepts(operator: str, version: str) -> Condition:
    return condition(operator, version) if operator else _anything


def _anything(_text: str) -> bool:
    return True


def _architecture(wanted: str) -> Condition:
    """Match as installing does: ``all`` fits every architecture, but is no source."""
    if wanted == "source":
        return lambda architecture: architecture == "source"
    return lambda architecture: architecture in (wanted, "all")


def _provided(candidate: Candidate, name: str, accepts: Condition) -> bool:
    own = candidate.key.version
    return any(accepts(offer.version or own) for offer in candidate.provides(name))


def _name(field: Field) -> Compiled:
    # To the letter, unlike other fields: as versions, libssl and libssl0 would be equal.
    if field.operator == "=":
        wanted = field.value
        return Compiled(lambda key: key[NAME] == wanted, cost=_EQUAL)
    holds = field.condition
    return Compiled(lambda key: holds(key[NAME]), cost=_PATTERN)


def _version(field: Field) -> Compiled:
    holds = field.condition
    return Compiled(lambda key: holds(key[VERSION]), cost=_VERSION)


def _architecture_match(field: Field) -> Compiled:
    holds = _architecture(field.value) if field.operator == "=" else field.condition
    return Compiled(lambda key: holds(key[ARCHITECTURE]), cost=_EQUAL)


def _architecture_field(field: Field) -> Compiled:
    holds = field.condition

    def by_key(key: Sequence[str]) -> bool | None:
        return None if key[ARCHITECTURE] == "source" else holds(key[ARCHITECTURE])

    return Compiled(by_key, lambda candidate: holds(_own_architecture(candidate)), _VERSION)


def _own_architecture(candidate: Candidate) -> str:
    key = candidate.key
    return candidate.text("Architecture") if key[ARCHITECTURE] == "source" else key.architecture


def _version_provided(field: Field) -> Compiled:
    """``$Version``: a dependency on the package's own name, which it may provide as well."""
    if not field.operator:
        return _version(field)
    holds = field.condition

    def by_key(key: Sequence[str]) -> bool | None:
        if holds(key[VERSION]):
            return True
        return False if key[ARCHITECTURE] == "source" else None

    def by_record(candidate: Candidate) -> bool:
        verdict = by_key(candidate.key)
        return _provided(candidate, candidate.key.name, holds) if verdict is None else verdict

    return Compiled(by_key, by_record, _RECORD)


def _package_type(field: Field) -> Compiled:
    holds = field.condition
    source, others = holds("source"), {kind: holds(kind) for kind in _NO_SOURCES}
    alike = len(set(others.values())) == 1

    def by_key(key: Sequence[str]) -> bool | None:
        if key[ARCHITECTURE] == "source":
            return source
        return others["deb"] if alike else None

    def by_record(candidate: Candidate) -> bool:
        if candidate.key.architecture == "source":
            return source
        return others[candidate.package.kind]

    return Compiled(by_key, None if alike else by_record, _VERSION)


_NO_SOURCES = ("deb", "udeb", "installer", "appstream", "translation")


def _of_source(read: Callable[[Candidate], str]) -> Callable[[Field], Compiled]:
    """Build a term on what a binary package says of its source; a source package says nothing."""

    def build(field: Field) -> Compiled:
        holds = field.condition
        on_nothing = holds("")

        def by_key(key: Sequence[str]) -> bool | None:
            return on_nothing if key[ARCHITECTURE] == "source" else None

        def by_record(candidate: Candidate) -> bool:
            if candidate.key.architecture == "source":
                return on_nothing
            return holds(read(candidate))

        return Compiled(by_key, by_record, _RECORD)

    return build


def _source_name(candidate: Candidate) -> str:
    return candidate.package.source[0]


def _source_version(candidate: Candidate) -> str:
    return candidate.package.source[1]


def _other_field(field: Field) -> Compiled:
    name, holds = field.name, field.condition
    return Compiled(_unknown, lambda candidate: holds(candidate.text(name)), _RECORD)


def _unknown(_key: Sequence[str]) -> None:
    return None


_BY_NAME: dict[str, Callable[[Field], Compiled]] = {
    "name": _name,
    "package": _name,
    "version": _version,
    "architecture": _architecture_field,
    "$architecture": _architecture_match,
    "$version": _version_provided,
    "$packagetype": _package_type,
    "$source": _of_source(_source_name),
    "$sourceversion": _of_source(_source_version),
}
