"""Translation: long descriptions, once for all architectures, out of Packages.

See https://wiki.debian.org/DebianRepository/Format, section on Translation. A client finds a
description by the name of the package and the MD5 checksum of the text.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from debrepo.index_kind import SortedIndexKind
from debrepo_publish.indexes.encoding import field

if TYPE_CHECKING:
    from debrepo.index_kind import Context, Published

_DESCRIPTION = re.compile(rb"\nDescription[ \t]*:[ \t]*([^\n]*)((?:\n[ \t][^\n]*)*)", re.I)
_MD5 = re.compile(rb"\nDescription-md5[ \t]*:[^\n]*", re.I)
#: What stands for newlines and commas in a line of the index while it is kept.
_NEWLINE, _COMMA = b"\x1e", b"\x1f"
_OURS = re.compile(rb"[\0\x1e\x1f]")
_KEPT = bytes.maketrans(b"\n,", _NEWLINE + _COMMA)
_WRITTEN = bytes.maketrans(_NEWLINE + _COMMA, b"\n,")


class TranslationIndex(SortedIndexKind):
    """``i18n/Translation-en``, with the descriptions that are taken out of Packages.

    udebs keep theirs: installers read no translations.
    """

    joint = True
    takes = ("deb",)
    options = ("translations",)
    given = ("Description",)

    def applies(self, context: Context) -> bool:
        return bool(context.options["translations"])

    def index(self, kind: str, architecture: str, context: Context) -> str:
        return "i18n/Translation-en"

    def lines(self, published: Published, context: Context) -> tuple[bytes, bytes]:
        """Return name and checksum, and the description with other ends of lines."""
        stanza = published.package.stanza.replace(b"\r\n", b"\n")  # as Packages has it
        if "Description" in published.fields:  # without a checksum, all of it is there
            stanza = field("Description", published.fields["Description"]).encode()
        found = _described(b"\n" + stanza)
        if found is None:
            return b"", b"-"
        text = _text(found)
        return (
            b"%s %s" % (published.package.key.name.encode(), _checksum(text)),
            text.translate(_KEPT),
        )

    def text(self, lines: bytes) -> bytes:
        """Return a stanza for each line."""
        found = []
        for line in lines.split(b"\n")[:-1]:
            name, checksum, text = line.split(b" ", 2)
            text = text.translate(_WRITTEN)
            found.append(
                b"Package: %s\nDescription-md5: %s\nDescription-en: %s\n\n" % (name, checksum, text)
            )
        return b"".join(found)


def shortened(stanza: bytes) -> bytes:
    """Return a stanza with the first line of its description, and the checksum of all of it.

    Of a package that comes from another archive the rest may be missing; it stays as it is.
    """
    whole = b"\n" + stanza
    found = _described(whole)
    if found is None:
        return stanza
    said = b"\nDescription: %s\nDescription-md5: %s" % (found[1], _checksum(_text(found)))
    before, after = whole[: found.start()], whole[found.end() :]
    return (_MD5.sub(b"", before) + said + _MD5.sub(b"", after)).removeprefix(b"\n")


def _described(stanza: bytes) -> re.Match[bytes] | None:
    """Return the description of a stanza, if all of it is there."""
    found = _DESCRIPTION.search(stanza)
    if found is None or (not found[2] and _MD5.search(stanza)):
        return None
    return found


def _text(found: re.Match[bytes]) -> bytes:
    return _OURS.sub(b"?", found[1] + found[2])


def _checksum(text: bytes) -> bytes:
    """Return the checksum of a description as apt and Debian's archive make it."""
    return hashlib.md5(text + b"\n", usedforsecurity=False).hexdigest().encode()
