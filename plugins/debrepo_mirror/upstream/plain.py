"""Plain stanzas of Packages indexes, read at a glance: nearly all that archives have.

What is not plain may still be in order: `stanzas` looks at it field by field.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from debrepo.archive.sound import is_sound
from debrepo.package import MAX_IDENTITY

if TYPE_CHECKING:
    from collections.abc import Iterable

_PRINTABLE = bytes([9, 10, *range(32, 127), *range(128, 256)])
_NAMES = re.compile(rb"\n([!-9;-~]+):")
#: All that an index says of the file, one field after the other, the path first.
_FILE = re.compile(
    rb"\nFilename: ([A-Za-z0-9+_][A-Za-z0-9+._~:%@/-]+)(?:\nSize: ([0-9]{1,15})"
    rb"|\nMD5[Ss]um: ([0-9a-f]{32})|\nSHA1: ([0-9a-f]{40})|\nSHA256: ([0-9a-f]{64})"
    rb"|\nSHA512: ([0-9a-f]{128}))++(?=\n|\Z)"
)


class PlainPackage(NamedTuple):
    """A package as a plain stanza offers it; see `stanzas.Offered`."""

    short: bytes  #: its name, architecture and version, as they stand in an entry
    mark: bytes  #: what the entry ends with until the hash of the key is known
    record: bytes
    path: bytes
    size: int  #: of the file


def are_clean(stanzas: Iterable[bytes]) -> bool:
    """Tell whether stanzas are all UTF-8, without control characters."""
    text = b"".join(stanzas)
    if text.translate(None, _PRINTABLE):
        return False
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def read(stanza: bytes) -> PlainPackage | None:
    """Return what a clean stanza offers, or ``None`` if it is not plain.

    Of a plain one SHA256 is listed, and nothing in it needs a second look.
    """
    start = stanza.find(b"\nFilename: ")
    found = _FILE.match(stanza, start) if start > 0 else None
    if found is None:
        return None
    end = found.end()
    path, size, md5, sha1, sha256, sha512 = found.groups(b"")
    listed = 3 + (md5 != b"") + (sha1 != b"") + (sha512 != b"")
    if not size or not sha256 or stanza.count(b"\n", start, end) != listed:
        return None  # a field is not there, or twice
    if path[-4:] != b".deb" or b"/." in path or b"//" in path:
        return None
    own = stanza[:start] + stanza[end:]
    identity = _identity(own)
    if identity is None:
        return None
    name, architecture, version = identity
    plain = version[version.find(b":") + 1 :]  # an epoch is left out, see `archive.file_name`
    record = b"deb\n%b_%b_%b.deb\0%b\0%b\0%b\0%b\0%b\n\n%b" % (
        name,
        plain,
        architecture,
        size,
        md5,
        sha1,
        sha256,
        sha512,
        own,
    )
    short = b"%b\0%b\0%b\0" % (name, architecture, version)
    return tuple.__new__(PlainPackage, (short, sha256[:32], record, path, int(size)))


def _identity(own: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return name, architecture and version of a stanza in which nothing is wrong."""
    if not is_sound(own) or own[-1] in b": \t":
        return None
    names = _NAMES.findall(own)
    once = set(names)
    if len(once) < len(names) or b"Package" in once or not once >= _NEEDED:
        return None
    name = own[9 : own.index(b"\n")]
    architecture, version = _value(own, b"\nArchitecture: "), _value(own, b"\nVersion: ")
    if len(name) + len(version) + len(architecture) > MAX_IDENTITY:
        return None
    return name, architecture, version


_NEEDED = frozenset([b"Version", b"Architecture", b"Maintainer", b"Description"])


def _value(stanza: bytes, field: bytes) -> bytes:
    """Return the value of a field that is there, and has one line."""
    begin = stanza.index(field) + len(field)
    end = stanza.find(b"\n", begin)
    return stanza[begin:] if end < 0 else stanza[begin:end]
