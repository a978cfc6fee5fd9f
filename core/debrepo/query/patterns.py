"""Conditions: an operator and a value, compared with a text."""

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

_EXPRESSION_MEMORY = 2 << 20  # bytes; a client's expression may not have all there is


@lru_cache(maxsize=64)
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
        search = _searching(value)
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
    """Translate a glob; as in a file name, ``*`` and ``?`` do not match a slash.

    What follows a ``*`` is looked for once, at the first place where it fits: any number of
    stars costs no more than two.
    """
    first, *later = _pieces(glob)
    if not later:
        return first
    *middle, last = later
    return first + "".join(f"(?>[^/]*?{piece})" for piece in middle) + "[^/]*" + last


def _pieces(glob: str) -> list[str]:
    """Return what stands between the stars of a glob, translated."""
    pieces = [""]
    position = 0
    while position < len(glob):
        found = _GLOB.match(glob, position)
        if found is None:
            raise InvalidInput(f"bad glob: {_reason(glob[position])}")
        if found["many"]:
            pieces.append("")
        elif found["one"]:
            pieces[-1] += "[^/]"
        elif found["members"]:
            negation = "^" if found["negation"] else ""
            pieces[-1] += f"[{negation}{_members(found['members'])}]"
        else:
            pieces[-1] += re.escape(found["escaped"] or found["literal"])
        position = found.end()
    return pieces


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


def _searching(expression: str) -> Callable[[str], object]:
    """Return what looks for a regular expression of RE2 in a text.

    It takes time in proportion to the text, whatever the expression: clients send them.
    """
    import re2  # most commands see no expression

    options = re2.Options()
    options.max_mem = _EXPRESSION_MEMORY
    options.log_errors = False
    pattern = expression.encode(errors="surrogatepass")  # what is not UTF-8 matches nothing
    try:
        re2.compile(pattern, options)  # says what is wrong
    except re2.error as error:
        said = error.args[0]
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise InvalidInput(f"bad regular expression: {reason.partition(':')[0]}") from None
    alone = re2.Set.SearchSet(options)  # says whether it matches and not where, for less
    try:
        alone.Add(pattern)
        alone.Compile()
    except re2.error:
        raise InvalidInput("bad regular expression: it is too large") from None
    search: Callable[[str], object] = alone.Match
    return search
