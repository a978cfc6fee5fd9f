"""The files beside the control file in control.tar, as far as dpkg reads them at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo.archive.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_PATH, _LONGEST_PART = 996, 246  # bytes of a line of conffiles, of a name in it
_LONGEST_TRIGGER = 254
_TRIGGER = re.compile(
    rb"[ \t]*(?:(?P<kind>interest|activate)(?:-noawait|-await)?[ \t]+(?P<name>\S+)[ \t]*)?"
)
_TRIGGER_NAME = re.compile(rb"[!-~]+")
_NAMED = re.compile(rb"[A-Za-z0-9][A-Za-z0-9+.:-]*")
_BARE_PATH = re.compile(rb"(?:/[^/]+)+")


def info_findings(name: bytes, content: bytes) -> Iterator[Finding]:
    """Yield what dpkg says of a file called ``conffiles`` or ``triggers``."""
    if name == b"conffiles":
        yield from _conffiles(content)
    elif name == b"triggers":
        yield from _triggers(content)


def _conffiles(content: bytes) -> Iterator[Finding]:
    *lines, rest = content.split(b"\n")
    if rest:
        yield Finding("refused", "conffiles does not end in a newline")
    for line in lines:
        path = line.rstrip(b" \t\r\x0b\x0c")
        if not path:
            continue
        there = not path.startswith(b"remove-on-upgrade ")
        path = path.removeprefix(b"remove-on-upgrade ")
        long = there and max(map(len, path.split(b"/"))) > _LONGEST_PART
        if not path.startswith(b"/") or b"\0" in path or long or len(line) > _LONGEST_PATH:
            shown = line[:60].decode(errors="backslashreplace")
            yield Finding("refused", f"conffiles has a line that is no path: {shown!r}")


def _triggers(content: bytes) -> Iterator[Finding]:
    *lines, rest = content.split(b"\n")
    if rest:
        yield Finding("refused", "triggers does not end in a newline")
    for line in lines:
        if line.lstrip(b" \t").startswith(b"#"):
            continue
        found = _TRIGGER.fullmatch(line)
        known = found is not None and _is_trigger(found["kind"], found["name"])
        if not known or len(line) > _LONGEST_TRIGGER:
            shown = line[:60].decode(errors="backslashreplace")
            yield Finding("refused", f"triggers has a line that dpkg does not read: {shown!r}")


def _is_trigger(kind: bytes | None, name: bytes | None) -> bool:
    if kind is None or name is None:
        return True
    if not _TRIGGER_NAME.fullmatch(name):
        return False
    if kind == b"activate":
        return True
    if name.startswith(b"/"):
        return _BARE_PATH.fullmatch(name) is not None
    return _NAMED.fullmatch(name) is not None
