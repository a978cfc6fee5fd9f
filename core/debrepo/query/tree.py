"""Queries as values: an immutable tree that says what matches, and what that takes to know.

Every term is compiled to two functions. The first sees a package key and answers yes, no
or, with ``None``, that it takes the record to tell; the second sees the package itself.
An AND of which one term says no by the key alone never has the record read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial

from debrepo.package import Entry, Package, PackageKey
from debrepo.query.candidate import Candidate
from debrepo.stopping import each
from debrepo.values import NamedTuple

NAME, ARCHITECTURE, VERSION = 0, 1, 2  # where a `PackageKey` has them

#: Sees a `PackageKey`, or the list of its parts: in a large set, making keys costs too much.
KeyTest = Callable[[Sequence[str]], bool | None]
RecordTest = Callable[[Candidate], bool]


class Compiled(NamedTuple):
    """A query made ready to run; ``by_record`` is ``None`` where the key tells everything."""

    by_key: KeyTest
    by_record: RecordTest | None = None
    cost: int = 0  #: cheap terms are asked first

    @property
    def on_candidate(self) -> RecordTest:
        """The answer for a candidate whose record may be looked at."""
        if self.by_record is not None:
            return self.by_record
        by_key = self.by_key
        return lambda candidate: bool(by_key(candidate.key))


class Query(ABC):
    """A query; `str` gives its text, which parses to an equal query.

    It is a value: what is given to make it never changes. (No dataclass: to import what these
    are made with takes as long as a search through thousands of packages.)
    """

    parts: tuple[object, ...]  #: what it was made of

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash((type(self), self.parts))

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.parts}"

    @abstractmethod
    def compile(self) -> Compiled:
        """Return the functions that decide; ask for `compiled`, which keeps them."""

    @cached_property
    def compiled(self) -> Compiled:
        """The functions that decide, made once."""
        return self.compile()

    @property
    def needs_record(self) -> bool:
        """Whether there are packages for which the key is not enough."""
        return self.compiled.by_record is not None

    def names(self) -> frozenset[str] | None:
        """Return every package name that can match, or ``None`` if that cannot be told."""
        return None

    def needles(self) -> frozenset[bytes] | None:
        """Return bytes of which one stands in the record of whatever matches, if that is known.

        To look for them in a record takes a tenth of the time that asking the query does.
        """
        return None

    def matches(self, candidate: Candidate) -> bool:
        """Tell whether the candidate matches; its record is loaded only if the key leaves doubt."""
        compiled = self.compiled
        verdict = compiled.by_key(candidate.key)
        return compiled.on_candidate(candidate) if verdict is None else verdict


class And(Query):
    """Everything in it matches."""

    __match_args__ = ("terms",)

    def __init__(self, terms: tuple[Query, ...]) -> None:
        self.terms = terms
        self.parts = (terms,)

    def __str__(self) -> str:
        return ", ".join(f"({term})" if isinstance(term, Or) else str(term) for term in self.terms)

    def names(self) -> frozenset[str] | None:
        known = [names for term in self.terms if (names := term.names()) is not None]
        return frozenset.intersection(*known) if known else None

    def needles(self) -> frozenset[bytes] | None:
        known = [needles for term in self.terms if (needles := term.needles()) is not None]
        return min(known, key=len) if known else None

    def compile(self) -> Compiled:
        return _compile(self.terms, decisive=False)


class Or(Query):
    """Something in it matches."""

    __match_args__ = ("terms",)

    def __init__(self, terms: tuple[Query, ...]) -> None:
        self.terms = terms
        self.parts = (terms,)

    def __str__(self) -> str:
        return " | ".join(map(str, self.terms))

    def names(self) -> frozenset[str] | None:
        known = [names for term in self.terms if (names := term.names()) is not None]
        return frozenset().union(*known) if len(known) == len(self.terms) else None

    def needles(self) -> frozenset[bytes] | None:
        known = [needles for term in self.terms if (needles := term.needles()) is not None]
        return frozenset().union(*known) if len(known) == len(self.terms) else None

    def compile(self) -> Compiled:
        return _compile(self.terms, decisive=True)


class Not(Query):
    """What is in it does not match."""

    __match_args__ = ("term",)

    def __init__(self, term: Query) -> None:
        self.term = term
        self.parts = (term,)

    def __str__(self) -> str:
        return f"!({self.term})" if isinstance(self.term, And | Or) else f"!{self.term}"

    def compile(self) -> Compiled:
        by_key, _, cost = self.term.compiled
        on_candidate = self.term.compiled.on_candidate

        def not_by_key(key: Sequence[str]) -> bool | None:
            verdict = by_key(key)
            return None if verdict is None else not verdict

        if not self.term.needs_record:
            return Compiled(not_by_key, cost=cost)
        return Compiled(not_by_key, lambda candidate: not on_candidate(candidate), cost)


def and_(*queries: Query) -> Query:
    """Return the query for what all of the queries match; there has to be one."""
    return _join(And, queries)


def or_(*queries: Query) -> Query:
    """Return the query for what any of the queries matches; there has to be one."""
    return _join(Or, queries)


def select(
    query: Query, entries: Iterable[Entry], load: Callable[[Entry], Package]
) -> Iterator[Entry]:
    """Yield the entries of the packages that match, in their order.

    ``load`` is called at most once for an entry, and only where its key leaves doubt.
    """
    by_key = query.compiled.by_key
    on_candidate = query.compiled.on_candidate
    for entry in each(_narrow(query, entries)):
        key = entry.decode().split("\0")
        verdict = by_key(key)
        if verdict is None:
            whole = tuple.__new__(PackageKey, key)  # see `PackageKey.from_entry`
            verdict = on_candidate(Candidate(whole, partial(load, entry)))
        if verdict:
            yield entry


def _narrow(query: Query, entries: Iterable[Entry]) -> Iterable[Entry]:
    names = query.names()
    if names is None:
        return entries
    wanted = {name.encode() for name in names}
    return (entry for entry in entries if entry.partition(b"\0")[0] in wanted)


def _join(kind: type[And | Or], queries: tuple[Query, ...]) -> Query:
    terms: list[Query] = []
    for query in queries:
        terms += query.terms if isinstance(query, kind) else (query,)
    if not terms:
        raise ValueError("nothing to join")
    return terms[0] if len(terms) == 1 else kind(tuple(terms))


def _compile(terms: tuple[Query, ...], *, decisive: bool) -> Compiled:
    """Compile an AND or an OR; one term that answers ``decisive`` decides the whole."""
    parts = sorted((term.compiled for term in terms), key=lambda part: part.cost)
    cost = sum(part.cost for part in parts) + 1
    tests = tuple(part.by_key for part in parts)
    if all(part.by_record is None for part in parts):
        return Compiled(_two_valued(tests, decisive=decisive), None, cost)
    last = sorted(parts, key=lambda part: part.by_record is not None)
    record_tests = tuple(part.on_candidate for part in last)

    def by_record(candidate: Candidate) -> bool:
        for test in record_tests:
            if test(candidate) is decisive:
                return decisive
        return not decisive

    return Compiled(_three_valued(tests, decisive=decisive), by_record, cost)


def _two_valued(tests: tuple[KeyTest, ...], *, decisive: bool) -> KeyTest:
    def by_key(key: Sequence[str]) -> bool:
        for test in tests:
            if test(key) is decisive:
                return decisive
        return not decisive

    return by_key


def _three_valued(tests: tuple[KeyTest, ...], *, decisive: bool) -> KeyTest:
    def by_key(key: Sequence[str]) -> bool | None:
        verdict: bool | None = not decisive
        for test in tests:
            answer = test(key)
            if answer is decisive:
                return decisive
            if answer is None:
                verdict = None
        return verdict

    return by_key
