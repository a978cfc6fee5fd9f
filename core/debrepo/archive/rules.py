"""Rules: what dpkg and apt accept in the fields of a binary package's control file.

Each was found out by running dpkg 1.21 and 1.23 and apt 2.6 and 3.3; the end-to-end tests run
them again. Every function here is pure, so that a package can be judged when it is added, and
again when it is published.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from debrepo.archive.findings import Finding
from debrepo.archive.relation_rules import OBSOLETE, RELATIONS, relation_findings, sound
from debrepo.archive.version_rules import version_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from debrepo.archive.findings import Level

_BLANKS = b" \t\n\r\x0b\x0c"
_NAME = re.compile(rb"[a-z0-9][a-z0-9+.-]+")
_BOOLEAN = frozenset([b"", b"yes", b"no"])
#: dpkg takes any other value.
_PRIORITY = re.compile(rb"(?:required|important|standard|optional|extra).", re.I | re.S)
_MULTI_ARCH = frozenset([b"", b"no", b"same", b"foreign", b"allowed"])
_CONFFILE = re.compile(
    rb" [ \t]*(?!/?[ \t])\S.*[ \t](?!(?:obsolete|remove-on-upgrade)[ \t]*$)\S+"
    rb"(?:[ \t]+(?:obsolete|remove-on-upgrade))*[ \t]*"
)
_MD5 = re.compile(rb"[0-9A-Fa-f]{32}")
_SYSTEMS = re.compile(
    rb"(?:(?:musl|uclibc|gnu|dietlibc|base|bsd)?-?(?:linux|kfreebsd|knetbsd|kopensolaris|hurd|darwin"
    rb"|dragonflybsd|freebsd|netbsd|openbsd|aix|solaris|uclinux|mint)-)?"
)
_PROCESSORS = re.compile(
    rb"all|alpha|amd64|arc|arm(?:64|64be|64ilp32|eb|el|hf)?|avr32|hppa|i386|ia64|loong64|lpia"
    rb"|m32r|m68k|mips(?:n32|64)?(?:r6)?(?:el)?|nios2|or1k|powerpc(?:el|spe)?|ppc64(?:el)?"
    rb"|riscv(?:32|64)|s390x?|sh[34](?:eb)?|sparc(?:64)?|tilegx|x32"
)


def control_findings(fields: Mapping[bytes, bytes]) -> Iterator[Finding]:
    """Yield what dpkg or apt would say of the fields of a binary package.

    Their names are in lower case; the values of `FOLDED` ones have all their lines.
    """
    for name, value in fields.items():
        if name in _RULES:
            yield from _RULES[name](value)
        elif len(name) == 1:
            yield Finding("refused", f"the name of the field {_shown(name)} is too short")
        elif name[:1] == b"#":
            yield Finding("odd", f"the field {_shown(name)} looks like a comment")
    if version := fields.get(b"version", b"").strip(_BLANKS):
        yield from version_findings("Version", version)
    yield from _architecture(fields)
    if not fields.get(b"maintainer", b"").strip() or not fields.get(b"description", b"").strip():
        yield from _missing(fields)


def known_architecture(name: str) -> bool:
    """Tell whether dpkg has heard of an architecture."""
    text = name.encode()
    start = _SYSTEMS.match(text)
    return bool(_PROCESSORS.fullmatch(text, start.end() if start else 0))


def _relation(name: bytes, value: bytes) -> Iterator[Finding]:
    if not sound(name, value):
        yield from relation_findings(name, value)


def _boolean(name: str, value: bytes) -> Iterator[Finding]:
    if value.strip(_BLANKS).lower() not in _BOOLEAN:
        yield Finding("refused", f"{name} is {_shown(value)}, not yes or no")


def _flag(name: str, value: bytes) -> Iterator[Finding]:
    """Fields of apt alone, which warns of them each time it runs."""
    if value.strip(_BLANKS).lower() not in _FLAGS:
        yield Finding("refused", f"{name} is {_shown(value)}, not yes or no")


_FLAGS = _BOOLEAN | {b"true", b"false", b"with", b"without", b"on", b"off", b"enable", b"disable"}


def _priority(name: str, value: bytes) -> Iterator[Finding]:
    if _PRIORITY.match(value.strip(_BLANKS)):
        yield Finding("refused", f"{name} is {_shown(value)}, with more than the word")


def _multi_arch(value: bytes) -> Iterator[Finding]:
    value = value.strip(_BLANKS)
    if value.lower() not in _MULTI_ARCH:
        wanted = "no, same, foreign or allowed"
        yield Finding("refused", f"Multi-Arch is {_shown(value)}, not {wanted}")
    elif value not in _MULTI_ARCH:
        yield Finding("refused", f"Multi-Arch is {_shown(value)}, which apt knows in lower case")


def _description_md5(value: bytes) -> Iterator[Finding]:
    value = value.strip(_BLANKS)
    if value and not _MD5.fullmatch(value):
        level: Level = "odd" if len(value) == 32 else "unreadable"
        yield Finding(level, f"Description-md5 is {_shown(value)}, not an MD5 checksum in hex")


def _never(name: str, _value: bytes) -> Iterator[Finding]:
    yield Finding("refused", f"{name} is a field of dpkg's own files, not of a package")


def _conffiles(value: bytes) -> Iterator[Finding]:
    first, *lines = value.rstrip(_BLANKS).split(b"\n")
    if first.strip(_BLANKS) or not all(map(_CONFFILE.fullmatch, lines)):
        yield Finding("refused", "Conffiles is a field of dpkg's own files, not of a package")
    elif lines:
        yield Finding("odd", "Conffiles is a field of dpkg's own files, not of a package")


def _package(value: bytes) -> Iterator[Finding]:
    yield from _one_line("Package", value)
    if not _NAME.fullmatch(value.strip(_BLANKS)):
        yield Finding(
            "odd", f"Package is {_shown(value)}, which Debian Policy 5.6.1 does not allow"
        )


def _one_line(name: str, value: bytes) -> Iterator[Finding]:
    if b"\n" in value.rstrip(_BLANKS):
        yield Finding("refused", f"{name} has more than one line: {_shown(value)}")


def _filled(name: str, value: bytes) -> Iterator[Finding]:
    if not value.strip(_BLANKS):
        yield Finding("refused", f"{name} is empty")


def _architecture(fields: Mapping[bytes, bytes]) -> Iterator[Finding]:
    name = fields.get(b"architecture", b"").strip(_BLANKS)
    if name == b"all":
        if fields.get(b"multi-arch", b"").strip(_BLANKS).lower() == b"same":
            yield Finding("refused", "Multi-Arch is same, which Architecture: all cannot be")
    elif name and not known_architecture(name.decode(errors="replace")):
        yield Finding("odd", f"Architecture is {_shown(name)}, of which dpkg knows no machine")


def _missing(fields: Mapping[bytes, bytes]) -> Iterator[Finding]:
    for name in (b"maintainer", b"description"):
        if name not in fields:
            yield Finding("odd", f"there is no {name.decode().title()}")


def _shown(value: bytes) -> str:
    return repr(value.strip(_BLANKS)[:60].decode(errors="backslashreplace"))


_RULES: dict[bytes, Callable[[bytes], Iterator[Finding]]] = {
    **{name: partial(_relation, name) for name in (*RELATIONS, *OBSOLETE)},
    b"package": _package,
    **{
        name.lower().encode(): partial(_one_line, name)
        for name in ("Version", "Architecture", "Package-Type")
    },
    b"essential": partial(_boolean, "Essential"),
    b"protected": partial(_boolean, "Protected"),
    b"important": partial(_flag, "Important"),
    b"priority": partial(_priority, "Priority"),
    b"class": partial(_priority, "Class"),  # what dpkg once called it, and still reads
    b"multi-arch": _multi_arch,
    b"description-md5": _description_md5,
    **{
        name.lower().encode(): partial(_filled, name)
        for name in ("Filename", "MSDOS-Filename", "Size", "MD5sum")
    },
    b"conffiles": _conffiles,
    **{
        name.lower().encode(): partial(_never, name)
        for name in ("Status", "Config-Version", "Triggers-Pending", "Triggers-Awaited")
    },
}

#: Fields whose values are needed with all their lines; others are looked at in the first one.
FOLDED = frozenset(_RULES)
