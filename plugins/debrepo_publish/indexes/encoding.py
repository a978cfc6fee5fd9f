"""Encoding: what keeps a value to its own line, and to its own column, whatever is in it.

Values come from packages and from plugins. There is one function for each format.
"""

from __future__ import annotations

import re

#: What separates lines, or the columns and locations of Contents, or ends a text.
_ODD = re.compile(r"[^A-Za-z0-9+./~:@%=-]")


def field(name: str, value: str) -> str:
    """Return a field of a stanza, or of Release: lines after the first are continuations."""
    if value.isprintable():
        return f"{name}: {value}"
    first, *rest = [line.strip() for line in value.replace("\0", "").splitlines()] or [""]
    return "\n".join([f"{name}: {first}", *(f" {line or '.'}" for line in rest)])


def row(*columns: str | int) -> str:
    """Return a line of a field that is a list: columns with a blank between them."""
    return "".join(f" {''.join(str(column).split())}" for column in columns)


def location(section: str, name: str) -> bytes:
    """Return ``section/name``, as the second column of Contents has it.

    A location has no blanks, and commas separate it from others: what a section must not have
    becomes an underscore.
    """
    text = f"{section}/{name}" if section else name
    return text.encode() if _PLAIN(text) else _ODD.sub("_", text).encode()


_PLAIN = re.compile(r"[A-Za-z0-9+./~:@%=_-]+").fullmatch
