"""The text of a template, and the words of its actions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

_ACTION = re.compile(
    r"""\{\{ (?P<left>-(?=\s))?
    (?: \s* /\* .*? \*/ \s*? | (?P<action> (?: "(?:\\.|[^"\\\n])*" | `[^`]*` | (?!\}\}) [^"`] )*?) )
    (?P<right>(?<=\s)-)? \}\}""",
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(
    r"""\s* (?:
      (?P<string> "(?:\\.|[^"\\\n])*" | `[^`]*` )
    | (?P<number> [+-]?[0-9]+(?:\.[0-9]+)? )(?![\w.])
    | (?P<field> (?:\.[^\W\d]\w*)+ )
    | (?P<variable> \$\w* )
    | (?P<name> [^\W\d]\w* )
    | (?P<sign> := | [.|(),=] )
    )""",
    re.VERBOSE,
)


class Word(NamedTuple):
    """A word of an action; the kind is the name of the group that it matched."""

    kind: str
    text: str
    column: int


class Piece(NamedTuple):
    """Text to be printed as it is, or, where there are words, an action."""

    text: str
    words: tuple[Word, ...] | None
    column: int


def pieces(text: str) -> Iterator[Piece]:
    """Yield the texts and the actions, in turn; text is trimmed as the actions say."""
    position, trim = 0, False
    while True:
        start = text.find("{{", position)
        plain = text[position:] if start < 0 else text[position:start]
        found = _ACTION.match(text, start) if start >= 0 else None
        if start >= 0 and found is None:
            raise complaint(start + 1, "this action is never closed", "close it with }}")
        if trim:
            plain = plain.lstrip()
        if found is not None and found["left"]:
            plain = plain.rstrip()
        if plain:
            yield Piece(plain, None, position + 1)
        if found is None:
            return
        if found["action"] is not None:
            yield Piece("", tuple(_words(found["action"], found.start("action"))), start + 1)
        position, trim = found.end(), bool(found["right"])


def _words(action: str, offset: int) -> Iterator[Word]:
    position = 0
    end = len(action.rstrip())
    while position < end:
        found = _WORD.match(action, position)
        if found is None or found.lastgroup is None:
            rest = action[position:].strip()
            column = offset + position + len(action[position:]) - len(action[position:].lstrip())
            raise complaint(column + 1, f"cannot read {rest[:20]!r}")
        yield Word(
            found.lastgroup, found[found.lastgroup], offset + found.start(found.lastgroup) + 1
        )
        position = found.end()


def complaint(column: int, message: str, hint: str = "") -> InvalidInput:
    """Return the error for what stands at a column of a template."""
    example = 'a template looks like: {{.Package}} {{index . "Pre-Depends"}}'
    return InvalidInput(f"template, column {column}: {message}", hint=hint or example)
