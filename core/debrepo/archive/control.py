"""Control files as packages carry them, checked before they are used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo.archive import rules
from debrepo.archive.findings import Findings, kept_out
from debrepo.archive.sound import is_sound
from debrepo.errors import InvalidPackage

if TYPE_CHECKING:
    from debrepo.archive.findings import Finding, Policy
    from debrepo.package import Package

_PRINTABLE = bytes([9, 10, 13, *range(32, 127), *range(128, 256)])
_PLAIN = bytes([9, 10, *range(32, 127)])  # of which nothing has to be looked at twice
_CONTINUES = b" \t"
_NAME = re.compile(rb"[!-,./0-9;-~][!-9;-~]*")  # Policy 5.1: no hyphen comes first
_FIELD = re.compile(rb"([!-9;-~]+):([^\n]*+)(?:\n[ \t][^\n]*+)*+\n?")
_BLANK = re.compile(rb"\n[ \t\r]*(?:\n|\Z)")
_RETURN = re.compile(rb"\r(?!\n|\Z)")  # at the end of a line it is harmless

_END_OF_FILE = b"\x1a"  # to MS-DOS, and to dpkg
_ENDS = b"\n" + _END_OF_FILE
_LINE_ENDS = re.compile(rb"(?<!\r)\r+$", re.M)
_SPACES = b"\r\x0b\x0c"
_CONTROL = bytes(sorted({*range(32), 127} - {9, 10, *_SPACES}))
_SPELT_OUT = bytes.maketrans(_SPACES + _CONTROL, b"   " + b"?" * len(_CONTROL))
_BEFORE_COLON = re.compile(rb"^([!-9;-~]+)[ \t]+:", re.M)

_SIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"
_END = b"-----END PGP SIGNATURE-----"
_ARMOUR_HEADER = re.compile(rb"[A-Za-z]+: ")


def check(text: bytes, what: str) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the stanza in ``text`` without newlines around it, and its `fields_of`.

    The stanza will stand in an index between others, so it has to be one, in UTF-8, with no
    control characters and no field given twice.
    """
    if odd := _odd_character(text.strip(b"\r\n")):
        raise InvalidPackage(f"{what} has a control character, {odd}")
    stanza, fields = _stanza(text, what)
    for name in fields:
        if name[:1] == b"#":  # Policy 5.1
            raise InvalidPackage(f"{what} has a line that is no field: {_shown(name)}")
    if not _is_utf8(stanza):
        raise InvalidPackage(f"{what} is not UTF-8")
    return stanza, fields


def check_binary(text: bytes, what: str, findings: Findings) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the same of the control file of a binary package, as dpkg reads it.

    What dpkg overlooks is noted, and spelt so that every client can read it: text of another
    encoding becomes UTF-8, control characters become blanks or question marks.
    """
    if text[-1:] != b"\n" or text.translate(None, _PLAIN):
        text = _checked(text, what, findings)
    stanza = text.strip(b"\r\n")
    if is_sound(stanza) and stanza[-1] not in b": \t":
        pairs = _FIELD.findall(stanza)
        fields = {name.lower(): value for name, value in pairs}
        if len(fields) == len(pairs) and b"maintainer" in fields and b"description" in fields:
            return stanza, fields
    text, changed = _BEFORE_COLON.subn(rb"\1:", text)
    if changed:
        findings.add("odd", f"{what} has blanks between the name of a field and its colon")
    stanza, fields = _stanza(text, what)
    line = stanza[stanza.rfind(b"\n") + 1 :].rstrip()
    if line[-1:] == b":" and line[:-1].lower() in fields and text[-2:-1] != b"\n":
        findings.add("refused", f"{what} ends in a field without a value, {_shown(line)}")
    findings.extend(rules.control_findings(fields))
    return stanza, fields


def stored_findings(package: Package) -> list[Finding]:
    """Return what is wrong with a package that is in the database, by the rules of today."""
    if package.kind not in ("deb", "udeb") or is_sound(package.stanza):
        return []
    findings = Findings(None)
    try:
        text = package.stanza.replace(b"\r\n", b"\n") + b"\n"
        check_binary(text, "the control file", findings)
    except InvalidPackage as error:
        findings.add("unreadable", str(error))
    return findings.found


def left_out(package: Package, policy: Policy) -> str:
    """Return why a stored package must not stand in an index, or the empty string.

    Under ``strict``, what is merely odd stays: a changed setting takes nothing from clients.
    """
    levels = kept_out("lenient" if policy == "lenient" else "dpkg")
    return next((text for level, text in stored_findings(package) if level in levels), "")


def fields_of(stanza: bytes, what: str) -> dict[bytes, bytes]:
    """Return the fields of a stanza: names in lower case, values as they stand behind the colon.

    Of most of them it is the first line only, which is ten times faster than
    `debrepo.stanza.parse`; of those that `rules` look at, it is all lines.
    """
    fields: dict[bytes, bytes] = {}
    folded, name = rules.FOLDED, b""
    for line in stanza.split(b"\n"):
        if line[0] in _CONTINUES and fields:
            if name in folded:
                fields[name] += b"\n" + line
            continue
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or not _NAME.fullmatch(name):
            why = "line that is no field" if name.isascii() else "field whose name is not ASCII"
            raise InvalidPackage(f"{what} has a {why}: {_shown(line)}")
        if name in fields:
            raise InvalidPackage(f"{what} gives the field {_shown(name)} twice")
        fields[name] = value
    return fields


def _stanza(text: bytes, what: str) -> tuple[bytes, dict[bytes, bytes]]:
    stanza = text.strip(b"\r\n")
    if not stanza or _BLANK.search(stanza):
        raise InvalidPackage(f"{what} is not one stanza: it is empty, or has blank lines")
    return stanza, fields_of(stanza, what)


def _odd_character(text: bytes) -> str:
    """Return a control character in hex, or the empty string; returns may end lines."""
    odd = text.translate(None, _PRINTABLE)
    if odd or (b"\r" in text and _RETURN.search(text)):
        return odd[:1].hex() or "0d"
    return ""


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _checked(text: bytes, what: str, findings: Findings) -> bytes:
    if text[-1:] != b"\n" or _END_OF_FILE in text:
        text = _ended(text, what, findings)
    if b"\r" in text or _odd_character(text) or not _is_utf8(text):
        text = _spelt_out(text, what, findings)
    return text


def _ended(text: bytes, what: str, findings: Findings) -> bytes:
    """Return the text without what stands behind its end, and with a newline there."""
    if text[-1:] not in (b"\n", _END_OF_FILE) and b"\n" in _end_of(text[:-1]):
        findings.add("odd", f"{what} has a character behind its last line, which dpkg drops")
        text = text[:-1] + b"\n"
    line, newline, more = _end_of(text).partition(b"\n")
    ended = text.rstrip(_ENDS) + line + newline + (b"\n" if more else b"")
    if _END_OF_FILE in ended:
        findings.add("refused", f"{what} has a control character, 1a, at which dpkg ends a line")
    elif _END_OF_FILE in text:
        findings.add("odd", f"{what} has a control character, 1a, behind its end")
    if ended[-1:] != b"\n":
        findings.add("refused", f"{what} does not end in a newline")
        return ended + b"\n"
    return ended


def _end_of(text: bytes) -> bytes:
    """Return the newlines and ends of files in which a text ends."""
    return text[len(text.rstrip(_ENDS)) :]


def _spelt_out(text: bytes, what: str, findings: Findings) -> bytes:
    """Return the text in UTF-8, and without control characters, as far as dpkg minds neither."""
    if b"\0" in text:
        raise InvalidPackage(f"{what} has a control character, 00")
    if text.startswith(b"\r") or b"\n\r" in text:
        findings.add("refused", f"{what} has a line that starts with a control character, 0d")
    if b"\r" in text:
        text, changed = _LINE_ENDS.subn(b"", text)
        if changed:
            findings.add("odd", f"{what} has the line ends of MS-DOS")
    if odd := _odd_character(text):
        findings.add("odd", f"{what} has a control character, {odd}; it is published without")
        text = text.translate(_SPELT_OUT)
    if not _is_utf8(text):
        findings.add("odd", f"{what} is not UTF-8; it is published as if it were Latin-1")
        lines = text.split(b"\n")
        text = b"\n".join(
            line if _is_utf8(line) else line.decode("latin-1").encode() for line in lines
        )
    return text


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
