"""Conditions: what an operator and a value ask of a text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from debrepo.errors import InvalidInput
from debrepo.version import sort_key

Condition = Callable[[str], bool]

_ORDER: dict[str, Callable[[bytes, bytes], bool]] = {
    "<<": bytes.__lt__,
    "<=": bytes.__le__,
    "=": bytes.__eq__,
    ">=": bytes.__ge__,
    ">>": bytes.__gt__,
}

_LEADING_NUMBER = re.compile(r"[0-9]{1,9}(?![0-9])")

_GLOB = re.compile(
    r"""(?P<many>\*+) | (?P<one>\?) | \\(?P<escaped>.) | (?P<literal>[^*?\\\[])
    | \[ (?P<negation>[\^!]?) (?P<members>(?:\\.|[^\\\]])+) \]""",
    re.VERBOSE | re.DOTALL,
)
_MEMBER = re.compile(r"(?P<first>\\.|[^\\])(?:-(?P<last>\\.|[^\\]))?", re.DOTALL)

_BRACKETS = re.compile(r"(\\.)|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_IN_BRACKETS = re.compile(r"\\.|\[:(\^?\w+):\]|--|[\[&~|]", re.DOTALL)
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r"\t\ ",
    "digit": "0-9",
    "lower": "a-z",
    "punct": r"!-/:-@\[-`{-\~",
    "space": r"\s",
    "upper": "A-Z",
    "word": r"\w",
    "xdigit": "0-9A-Fa-f",
}


@lru_cache(maxsize=256)
def condition(operator: str, value: str) -> Condition:
    """Return the test that ``operator value`` puts a text to; no operator: it is not empty.

    Texts compare as Debian versions do, whatever field they come from. Raises
    `InvalidInput` for a bad glob or regular expression.
    """
    if not operator:
        return bool
    if operator == "%":
        matches = re.compile(_regular(value)).fullmatch
        return lambda text: matches(text) is not None
    if operator == "~":
        search = regular_expression(value).search
        return lambda text: search(text) is not None
    return _comparison(_ORDER[operator], value)


def _comparison(holds: Callable[[bytes, bytes], bool], value: str) -> Condition:
    wanted = sort_key(value)
    number = _LEADING_NUMBER.match(value)
    if number is None or ":" in value:
        return lambda text: holds(sort_key(text), wanted)
    first = int(number[0])
    if_smaller, if_larger = holds(b"1", b"2"), holds(b"2", b"1")

    def compare(text: str) -> bool:
        head = text.partition(".")[0]
        # Most versions of a large set differ in the first number: no need of a key.
        if len(head) < 10 and head.isdecimal() and text.isascii() and ":" not in text:
            own = int(head)
            if own != first:
                return if_smaller if own < first else if_larger
        return holds(sort_key(text), wanted)

    return compare


def is_literal(glob: str) -> bool:
    """Tell whether a glob matches nothing but its own text."""
    return not any(character in glob for character in "*?[\\")


def _regular(glob: str) -> str:
    """Translate a glob; as in a file name, ``*`` and ``?`` do not match a slash."""
    parts = []
    position = 0
    while position < len(glob):
        found = _GLOB.match(glob, position)
        if found is None:
            raise InvalidInput(f"bad glob: {_reason(glob[position])}")
        if found["many"]:
            parts.append("[^/]*")
        elif found["one"]:
            parts.append("[^/]")
        elif found["members"]:
            parts.append(f"[{'^' if found['negation'] else ''}{_members(found['members'])}]")
        else:
            parts.append(re.escape(found["escaped"] or found["literal"]))
        position = found.end()
    return "".join(parts)


def _reason(character: str) -> str:
    return "nothing follows the backslash" if character == "\\" else 'a "[" is not closed'


def _members(text: str) -> str:
    members = []
    for found in _MEMBER.finditer(text):
        first, last = found["first"][-1], (found["last"] or found["first"])[-1]
        if last < first:
            raise InvalidInput(f"bad glob: the range {first}-{last} runs backwards")
        members.append(f"{re.escape(first)}-{re.escape(last)}")
    return "".join(members)


def regular_expression(text: str) -> re.Pattern[str]:
    r"""Compile a regular expression; classes such as ``[[:alpha:]]`` and ``\z`` are known."""
    try:
        return re.compile(_BRACKETS.sub(_translate, text), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        reason = error.msg if isinstance(error, re.error) else "it is too large"
        raise InvalidInput(f"bad regular expression: {reason}") from None


def _translate(found: re.Match[str]) -> str:
    if found[1]:
        return r"\Z" if found[1] == r"\z" else found[1]
    negation = "[^" if found[0].startswith("[^") else "["
    return negation + _IN_BRACKETS.sub(_translate_member, found[0][len(negation) : -1]) + "]"


def _translate_member(found: re.Match[str]) -> str:
    name = found[1]
    if name is not None:
        if name not in _CLASSES:
            raise InvalidInput(f"bad regular expression: no character class [:{name}:]")
        return _CLASSES[name]
    if found[0] == "--":
        return r"-\-"
    return found[0] if found[0].startswith("\\") else "\\" + found[0]
