"""From the text of a query to its tree.

query := all [ '|' query ]              any of them
all   := not [ ',' all ]                all of them
not   := '!' not | group
group := '(' query ')' | term
term  := FIELD [ condition ]            $Special, or a capital first and no '_'
       | NAME '_' VERSION '_' ARCH      one package
       | NAME [ condition ] [ '{' ARCH '}' ]
condition := '(' [ operator ] value ')'
"""

from __future__ import annotations

import re

from debrepo.errors import InvalidInput
from debrepo.package import PackageKey
from debrepo.query.lexer import (
    END,
    LIMITS,
    OPERATOR,
    TOO_MANY,
    WORD,
    Lexeme,
    QueryLimits,
    complaint,
    tokens,
)
from debrepo.query.patterns import condition
from debrepo.query.terms import SPECIAL_FIELDS, Dependency, Exact, Field
from debrepo.query.tree import Not, Query, and_, or_

_KEY = re.compile(r"\w{0,2}P([a-z0-9-]+) ([^\s()]+) ([^\s()]+) ([0-9a-f]{8,16})")
_CANONICAL = {"": "=", "<": "<=", ">": ">="}  # obsolete operators, Policy 7.1
_DEEPEST = 150  # more would exhaust the stack, whatever is configured
_LONGEST_KEY = 10_000  # characters


def parse(text: str, limits: QueryLimits = LIMITS) -> Query:
    """Return the query that ``text`` spells.

    A printed package key is a query as well, in quotes where it is only part of one.
    Raises `InvalidInput` that names the column, or the limit that it goes beyond.
    """
    return parse_within(text, limits)[0]


def parse_within(text: str, limits: QueryLimits) -> tuple[Query, QueryLimits]:
    """Return the query that ``text`` spells, and what it leaves of the limits for others."""
    key = _key(text.strip()) if len(text) < _LONGEST_KEY else None
    if key is not None:
        return Exact(key), limits.less(1, len(text))
    parser = _Parser(text, limits)
    return parser.parse(), limits.less(parser.terms, len(text))


def _key(text: str) -> PackageKey | None:
    found = _KEY.fullmatch(text)
    return PackageKey(found[2], found[1], found[3], found[4]) if found else None


class _Parser:
    def __init__(self, text: str, limits: QueryLimits) -> None:
        self._text = text
        self._limits = limits
        self._tokens = list(tokens(text, limits))
        self._position = 0
        self._depth = 0
        self.terms = 0

    def parse(self) -> Query:
        query = self._any()
        self._expect(END, "the end of the query", _advice(self._token))
        return query

    def _any(self) -> Query:
        terms = [self._all()]
        while self._accept("|"):
            terms.append(self._all())
        return or_(*terms)

    def _all(self) -> Query:
        terms = [self._not()]
        while self._accept(","):
            terms.append(self._not())
        return and_(*terms)

    def _not(self) -> Query:
        self._depth += 1
        deepest = min(self._limits.depth, _DEEPEST)
        if self._depth > deepest:
            raise self._complain(
                f"the query is nested too deeply, and the limit is {deepest}",
                advice="the setting query.depth sets the limit",
            )
        query = Not(self._not()) if self._accept("!") else self._group()
        self._depth -= 1
        return query

    def _group(self) -> Query:
        if not self._accept("("):
            return self._term()
        query = self._any()
        self._expect(")", '")"', _advice(self._token))
        return query

    def _term(self) -> Query:
        token = self._expect(WORD, "a field or package name", _TERM_ADVICE)
        self.terms += 1
        if self._limits.used + self.terms > self._limits.terms:
            raise self._limits.exceeded("terms", TOO_MANY)
        word = token.text
        if not word:
            raise self._complain("expected a field or package name, found nothing in quotes", token)
        if "(" in word and not token.quoted:
            there = token._replace(column=token.column + word.index("("))
            raise self._complain('a blank is missing before "("', there, _CONDITION_ADVICE)
        key = _key(word) if token.quoted else None
        if key is not None:
            return Exact(key)
        if word[0] == "$" or (word[0].isupper() and "_" not in word):
            return self._field(token)
        if word.count("_") >= 2 and self._token.kind != "(":
            return _exact(word)
        operator, value = self._condition()
        return Dependency(word, operator, value, self._architecture())

    def _field(self, token: Lexeme) -> Query:
        name = token.text
        if name[0] == "$" and name.lower() not in map(str.lower, SPECIAL_FIELDS):
            known = ", ".join(SPECIAL_FIELDS)
            raise self._complain(f"there is no {name}", token, f"the special fields are {known}")
        operator, value = self._condition()
        return Field(name, operator, value)

    def _condition(self) -> tuple[str, str]:
        if not self._accept("("):
            return "", ""
        operator = self._next().text if self._token.kind == OPERATOR else ""
        operator = _CANONICAL.get(operator, operator)
        advice = _VALUE_ADVICE if self._token.kind != "!" else _NEGATION_ADVICE
        value = self._expect(WORD, "a value", advice)
        try:
            condition(operator, value.text)
        except InvalidInput as error:
            raise self._complain(str(error), value, _PATTERN_ADVICE) from None
        self._expect(")", '")"', _VALUE_ADVICE)
        return operator, value.text

    def _architecture(self) -> str:
        if not self._accept("{"):
            return ""
        architecture = self._expect(WORD, "an architecture", "for example: nginx {amd64}")
        self._expect("}", '"}"')
        return architecture.text

    @property
    def _token(self) -> Lexeme:
        return self._tokens[self._position]

    def _next(self) -> Lexeme:
        token = self._token
        self._position += 1
        return token

    def _accept(self, kind: str) -> bool:
        if self._token.kind != kind:
            return False
        self._position += 1
        return True

    def _expect(self, kind: str, expected: str, advice: str = "") -> Lexeme:
        if self._token.kind != kind:
            raise self._complain(f"expected {expected}, found {self._token}", advice=advice)
        return self._next()

    def _complain(
        self, message: str, token: Lexeme | None = None, advice: str = ""
    ) -> InvalidInput:
        return complaint(self._text, (token or self._token).column, message, advice)


_TERM_ADVICE = "a term looks like: nginx (>= 1.22) {amd64}, or: Section (= web)"
_CONDITION_ADVICE = "a condition stands apart, in parentheses: nginx (>= 1.22)"
_NEGATION_ADVICE = 'there is no "!=": write !Section (= web)'
_VALUE_ADVICE = "a value with blanks or any of ( ) | , ! { } < > = % ~ needs quotes"
_PATTERN_ADVICE = "% takes a glob: lib*, ~ a regular expression: ^lib.*-dev$"


def _advice(token: Lexeme) -> str:
    if token.kind == OPERATOR:
        return _CONDITION_ADVICE
    if token.kind in (WORD, "("):
        return 'join terms with "," for and, "|" for or'
    return ""


def _exact(word: str) -> Exact:
    name, _, rest = word.partition("_")
    version, _, architecture = rest.rpartition("_")
    return Exact(PackageKey(name, architecture, version, ""))
