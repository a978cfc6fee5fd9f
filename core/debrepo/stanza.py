"""Stanzas: deb822 text, kept as the bytes it came in.

See deb822(5) and Debian Policy, chapter 5. debrepo stores a control stanza exactly as the
package carries it and looks fields up in place; most work needs only one or two of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from debrepo.errors import InvalidInput

_FIELD = re.compile(rb"([!-9;-~]+):[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)\n?")
_BLANK = re.compile(rb"\n[ \t\r]*\n+")


def field(stanza: bytes, name: str) -> str | None:
    """Return the value of one field without parsing the others, or ``None``.

    Field names are not case-sensitive. Continuation lines keep their leading blank.
    """
    label = _label(name)
    start = _start(stanza, label)
    if start < 0:
        # Spelt otherwise, or not there. Searching without regard to case, be it by a regular
        # expression, costs five times as much as to search a copy in lower case.
        start = _start(stanza.lower(), label.lower())
        if start < 0:
            return None
    end = stanza.find(b"\n", start)
    while end > 0 and stanza[end + 1 : end + 2] in _CONTINUES:
        end = stanza.find(b"\n", end + 1)
    value = stanza[start : end if end > 0 else None]
    return value.lstrip(b" \t").rstrip().decode()


_CONTINUES = (b" ", b"\t")


@lru_cache(maxsize=256)
def _label(name: str) -> bytes:
    return b"\n%b:" % name.encode()


def _start(stanza: bytes, label: bytes) -> int:
    """Return where the value of a field begins, or -1."""
    if stanza.startswith(label[1:]):
        return len(label) - 1
    found = stanza.find(label)
    return found + len(label) if found >= 0 else -1


def parse(stanza: bytes) -> dict[str, str]:
    """Return the fields in their order, under the names as spelt in the text.

    Raises `InvalidInput`, naming the line, for text that is not one stanza of UTF-8, for a
    field that is given twice, and for control characters.
    """
    if b"\0" in stanza:
        raise InvalidInput(f"line {_line(stanza, stanza.index(0))}: NUL byte in a control file")
    fields: dict[str, str] = {}
    seen: set[bytes] = set()
    position, end = 0, len(stanza)
    try:
        while position < end:
            found = _FIELD.match(stanza, position)
            if found is None:
                raise InvalidInput(f"line {_line(stanza, position)}: not a field of a control file")
            name = found[1].lower()
            if name in seen:
                text = found[1].decode()
                raise InvalidInput(f"line {_line(stanza, position)}: field {text} is given twice")
            seen.add(name)
            fields[found[1].decode()] = found[2].rstrip().decode()
            position = found.end()
    except UnicodeDecodeError:
        raise InvalidInput(f"line {_line(stanza, position)}: not UTF-8") from None
    return fields


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def split(data: bytes) -> Iterator[bytes]:
    """Yield the stanzas of a control file or an index, without the blank lines around them."""
    for stanza in _BLANK.split(data.strip(b"\n")):
        if stanza:
            yield stanza


class Fields(Mapping[str, str]):
    """The fields of one stanza, looked up without regard to case; parsed on construction."""

    __slots__ = ("_fields", "_names")

    def __init__(self, stanza: bytes) -> None:
        self._fields = parse(stanza)
        self._names = {name.lower(): name for name in self._fields}

    def __getitem__(self, name: str) -> str:
        return self._fields[self._names[name.lower()]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)
