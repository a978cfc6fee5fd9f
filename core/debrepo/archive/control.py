"""Control files as packages carry them, checked against Policy before they are used."""

from __future__ import annotations

import re

from debrepo.errors import InvalidPackage

_PRINTABLE = bytes([9, 10, 13, *range(32, 127), *range(128, 256)])
_CONTINUES = b" \t"
_NAME = re.compile(rb"[!\"$-,./0-9;-~][!-9;-~]*")  # Policy 5.1: neither # nor - comes first
_BLANK = re.compile(rb"\n[ \t\r]*(?:\n|\Z)")
_RETURN = re.compile(rb"\r(?!\n|\Z)")  # at the end of a line it is harmless

_SIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"
_END = b"-----END PGP SIGNATURE-----"
_ARMOUR_HEADER = re.compile(rb"[A-Za-z]+: ")


def check(text: bytes, what: str) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the stanza in ``text`` without newlines around it, and what its fields start with.

    The fields are those of `debrepo.stanza.parse`, but only the first line of each, under
    names in lower case: ten times faster, and all that identifies a package is in them. The
    stanza will stand in an index between others, so it has to be one, in UTF-8, with no
    control characters and no field given twice.
    """
    stanza = text.strip(b"\r\n")
    odd = stanza.translate(None, _PRINTABLE)
    if odd or (b"\r" in stanza and _RETURN.search(stanza)):
        raise InvalidPackage(f"{what} has a control character, {odd[:1].hex() or '0d'}")
    if not stanza or _BLANK.search(stanza):
        raise InvalidPackage(f"{what} is not one stanza: it is empty, or has blank lines")
    fields: dict[bytes, bytes] = {}
    for line in stanza.split(b"\n"):
        if line[0] in _CONTINUES and fields:
            continue
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or not _NAME.fullmatch(name):
            raise InvalidPackage(f"{what} has a line that is no field: {_shown(line)}")
        if name in fields:
            raise InvalidPackage(f"{what} gives the field {_shown(name)} twice")
        fields[name] = value
    try:
        stanza.decode()
    except UnicodeDecodeError:
        raise InvalidPackage(f"{what} is not UTF-8") from None
    return stanza, fields


def _shown(text: bytes) -> str:
    return repr(text[:60].decode(errors="backslashreplace"))


def without_signature(text: bytes, what: str) -> bytes:
    """Return what is signed of a clear-signed text, or the text itself if nothing is.

    The signature is not verified. Text outside it is not signed, and is refused.
    """
    if not text.lstrip().startswith(_SIGNED):
        if b"-----BEGIN PGP " in text:
            raise InvalidPackage(f"{what} has text before the part that is signed")
        return text
    lines = [line.rstrip(b"\r") for line in text.strip().split(b"\n")]
    body = 1
    while body < len(lines) and _ARMOUR_HEADER.match(lines[body]):
        body += 1
    if lines[0] != _SIGNED or body == len(lines) or lines[body].strip():
        raise InvalidPackage(f"{what} is not properly clear-signed")
    try:
        end = lines.index(_SIGNATURE, body)
        last = lines.index(_END, end)
    except ValueError:
        raise InvalidPackage(f"{what} is signed, but the signature is cut short") from None
    if last != len(lines) - 1:
        raise InvalidPackage(f"{what} has text after the signature")
    signed = [line.removeprefix(b"- ") for line in lines[body + 1 : end]]
    if any(line.startswith(b"-----") for line in lines[body + 1 : end]):
        raise InvalidPackage(f"{what} is signed in more than one part")
    return b"\n".join(signed) + b"\n"
