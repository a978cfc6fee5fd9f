"""Relations of binary packages that dpkg takes and apt can read.

These are stricter than `debrepo.relations`, which reads those of source packages as well: no
restriction lists, no empty parts. One relation that apt cannot parse makes it give up the whole
index, and with it everything else that the machine could install or update.
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

from debrepo.archive.findings import Finding
from debrepo.archive.version_rules import PLAIN, complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.archive.findings import Level

#: Which of the relation fields may have alternatives.
RELATIONS = {
    b"pre-depends": True,
    b"depends": True,
    b"recommends": True,
    b"suggests": True,
    b"enhances": True,
    b"breaks": False,
    b"conflicts": False,
    b"replaces": False,
    b"provides": False,
}
#: Names that dpkg still reads, and apt does not.
OBSOLETE = {b"recommended": True, b"optional": True}

_ALTERNATIVES = RELATIONS | OBSOLETE
_BLANKS = b" \t\n\r\x0b\x0c"

_NAME = rb"[A-Za-z0-9][A-Za-z0-9+._-]*+(?::[A-Za-z0-9][A-Za-z0-9-]*+)?"
_B = rb"[ \t]*+(?:\n[ \t]++)?+"  # no line is blank
_PLAIN = rb"%b(?:%b\(%b(?:<<|<=|>=|>>|=[ \t\n])%b%b%b\))?%b" % (_NAME, _B, _B, _B, PLAIN, _B, _B)
_PROVIDED = rb"%b(?:%b\(%b=[ \t\n]%b%b%b\))?%b" % (_NAME, _B, _B, _B, PLAIN, _B, _B)
#: Values that need no second look, as parts of other patterns; the rest is looked at in parts.
ALTERNATIVES = rb"[ \t]*+(?:%b(?:[,|]%b%b)*+)?" % (_PLAIN, _B, _PLAIN)
PLAIN_LIST = rb"[ \t]*+(?:%b(?:,%b%b)*+)?" % (_PLAIN, _B, _PLAIN)
EXACT = rb"[ \t]*+%b(?:,%b%b)*+" % (_PROVIDED, _B, _PROVIDED)

#: Fields in one process that are looked at in parts, before making a pattern is worth it.
_FEW = 50
_asked = count()

#: Blanks are taken once and for all: a million of them may stand where an operator could be.
_PARTS = re.compile(
    rb"(?P<name>[A-Za-z0-9][A-Za-z0-9+._-]*)(?::(?P<qualifier>[A-Za-z0-9][A-Za-z0-9-]*))?"
    rb"(?:\s*+\(\s*+(?P<operator><<|<=|=|>=|>>|<|>|)\s*+(?P<version>[^\s()<>=|,]++)\s*+\))?"
)
#: What apt reads, however little sense it makes.
_READABLE = re.compile(
    rb"[^\s,|()\[\]<>]+(?:\s*+\(\s*+(?:<<|<=|=|>=|>>|<|>|)\s*+[^\s()|,<>=][^()|,]*\))?"
)
_TOO_CLOSE = re.compile(rb"\(\s*[^\s()].?\)\Z", re.S)

_OBSOLETE_OPERATORS = {b"<": "<=", b">": ">=", b"": "="}


def sound(field: bytes, value: bytes) -> bool:
    """Tell whether there is certainly nothing wrong with a field; it is in lower case."""
    if next(_asked) < _FEW:
        return False
    if field == b"provides":
        pattern = EXACT
    else:
        pattern = ALTERNATIVES if _ALTERNATIVES[field] else PLAIN_LIST
    return re.fullmatch(pattern, value) is not None  # `re` keeps what it has compiled


def relation_findings(field: bytes, value: bytes) -> Iterator[Finding]:
    """Yield what is wrong with a relation field, as far as dpkg or apt minds."""
    name = field.decode().title()
    text = value.lstrip(b" \t").rstrip(_BLANKS)
    if not text:
        if field == b"provides":
            yield Finding("unreadable", "Provides is empty, which apt 2.6 cannot read")
        return
    if text.startswith(b"\n"):
        yield Finding("refused", f"{name} has nothing on its first line")
    parts = text.split(b",")
    for number, part in enumerate(parts, 1):
        alternatives = part.split(b"|")
        if len(alternatives) > 1 and not _ALTERNATIVES[field]:
            yield Finding("refused", f"{name} cannot have alternatives: {_shown(part)}")
        for alternative in alternatives:
            stripped = alternative.strip(_BLANKS)
            if stripped:
                yield from _alternative(name, field, stripped)
                continue
            last = number == len(parts) > 1 and len(alternatives) == 1
            yield Finding(
                "refused" if last else "unreadable", f"{name} has an empty part: {_shown(text)}"
            )
    if end := _TOO_CLOSE.search(text):
        yield Finding("unreadable", f"{name} ends in {_shown(end[0])}, too short for apt 2.6")


def _alternative(name: str, field: bytes, text: bytes) -> Iterator[Finding]:
    found = _PARTS.fullmatch(text)
    if found is None:
        level: Level = "refused" if _READABLE.fullmatch(text) else "unreadable"
        yield Finding(level, f"{name}: {_shown(text)} is no relation between binary packages")
        return
    operator, version = found["operator"], found["version"]
    if version is None:
        return
    if reason := complaint(version):
        shown = version[:80].decode(errors="backslashreplace")
        yield Finding("refused", f"{name}: {shown!r} is no version: {reason}")
    if field == b"provides" and operator not in (b"=", b""):
        yield Finding("refused", f"Provides: {_shown(text)} is not an exact version")
    elif operator in _OBSOLETE_OPERATORS:
        meant = _OBSOLETE_OPERATORS[operator]
        yield Finding("odd", f"{name}: {_shown(text)} has to be spelt with {meant}")


def _shown(text: bytes) -> str:
    return repr(b" ".join(text.split())[:60].decode(errors="backslashreplace"))
