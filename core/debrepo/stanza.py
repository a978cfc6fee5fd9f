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
    found = _pattern(name).search(b"\n" + stanza)
    return None if found is None else found[1].lstrip(b" \t").rstrip().decode()


@lru_cache(maxsize=256)
def _pattern(name: str) -> re.Pattern[bytes]:
    """Return what finds a field; searching from one newline to the next is fast."""
    return re.compile(rb"\n%b:([^\n]*(?:\n[ \t][^\n]*)*)" % re.escape(name.encode()), re.I)


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
