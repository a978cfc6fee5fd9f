"""The words and signs of a query, each with the column it starts at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

WORD = "word"
OPERATOR = "operator"
END = "the end"

_BLANK = re.compile(r"\s*")
_QUOTED = re.compile(r"""(["'])((?:\\.|(?!\1)[^\\])*)\1""", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_OPERATOR = re.compile(r"<<|<=|<|>>|>=|>|=|%|~")
_SIGNS = "()|,!{}"
_UNQUOTED = re.compile(r"[^\s)|,!{}]+")  # once begun, a word may contain "("

_SHOWN = 60  # characters of a long query that an error shows


class Lexeme(NamedTuple):
    """A sign (its kind is the sign itself), an operator, a word, or the end."""

    kind: str
    text: str
    column: int
    quoted: bool = False

    def __str__(self) -> str:
        return "the end of the query" if self.kind == END else f'"{self.text}"'


class QueryLimits(NamedTuple):
    """How large queries may be; see the settings of these names below ``query``."""

    terms: int = 10_000
    depth: int = 100
    length: int = 1 << 20
    used: int = 0  #: terms of the queries before
    read: int = 0  #: characters of them

    def less(self, terms: int, length: int) -> QueryLimits:
        """Return what one query leaves for those that come with it."""
        return self._replace(used=self.used + terms, read=self.read + length)

    def exceeded(self, name: str, found: str) -> InvalidInput:
        """Return the error for a query that goes beyond the limit ``name``."""
        return InvalidInput(
            f"{found}, and the limit is {getattr(self, name)}",
            hint=f"the setting query.{name} sets the limit",
        )


LIMITS = QueryLimits()
TOO_MANY = "the query has too many terms"


def tokens(text: str, limits: QueryLimits = LIMITS) -> Iterator[Lexeme]:
    """Yield the tokens of a query and, as the last one, its end."""
    length = limits.read + len(text)
    if length > limits.length:
        raise limits.exceeded("length", f"the query has {length} characters or more")
    position = _skip_blanks(text, 0)
    most = 8 * limits.terms + 8  # signs and values of that many terms, and some to spare
    count = 0
    while position < len(text):
        token, position = _next(text, position)
        count += 1
        if count > most:
            raise limits.exceeded("terms", TOO_MANY)
        yield token
        position = _skip_blanks(text, position)
    yield Lexeme(END, "", position + 1)


def _skip_blanks(text: str, position: int) -> int:
    found = _BLANK.match(text, position)
    return found.end() if found else position


def _next(text: str, position: int) -> tuple[Lexeme, int]:
    column = position + 1
    character = text[position]
    if character in _SIGNS:
        return Lexeme(character, character, column), column
    if character in "\"'":
        quoted = _QUOTED.match(text, position)
        if quoted is None:
            raise complaint(text, column, "the quote is not closed")
        return Lexeme(WORD, _ESCAPE.sub(r"\1", quoted[2]), column, quoted=True), quoted.end()
    found = _OPERATOR.match(text, position)
    if found is not None:
        return Lexeme(OPERATOR, found[0], column), found.end()
    found = _UNQUOTED.match(text, position)
    assert found is not None  # whatever is no sign and no blank begins a word
    return Lexeme(WORD, found[0], column), found.end()


def quote(word: str) -> str:
    """Return the word as a query has to spell it, in quotes only where they are needed."""
    plain = _UNQUOTED.fullmatch(word) and word[0] not in "(\"'" and not _OPERATOR.match(word)
    if plain and "(" not in word:
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def complaint(query: str, column: int, message: str, advice: str = "") -> InvalidInput:
    """Return the error for what stands at a column; its hint shows the place."""
    start = max(0, column - 1 - _SHOWN // 2)
    shown = re.sub(r"\s", " ", query[start : start + _SHOWN])
    caret = " " * (column - 1 - start) + "^"
    return InvalidInput(
        f"column {column}: {message}",
        hint=f"{advice or 'the query stops making sense here'}\n    {shown}\n    {caret}",
    )
