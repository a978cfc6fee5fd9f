"""Versions that dpkg takes: see deb-version(7)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo.archive.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_EPOCH = (1 << 31) - 1

#: What dpkg takes for certain, as a part of other patterns; it takes a few more.
PLAIN = rb"(?:[0-9]{1,9}:)?[0-9][A-Za-z0-9.+~-]*+(?<!-)"

_PLAIN = re.compile(PLAIN)
_UPSTREAM = re.compile(rb"[A-Za-z0-9.+~:-]*")
_REVISION = re.compile(rb"[A-Za-z0-9.+~]*")


def version_findings(where: str, version: bytes) -> Iterator[Finding]:
    """Yield what dpkg says of a version without blanks around it; ``where`` it stands."""
    if not _PLAIN.fullmatch(version) and (reason := complaint(version)):
        shown = version[:80].decode(errors="backslashreplace")
        yield Finding("refused", f"{where}: {shown!r} is no version: {reason}")


def complaint(version: bytes) -> str:
    """Return why dpkg does not take a version, or the empty string."""
    epoch, colon, rest = version.partition(b":")
    if not colon:
        epoch, rest = b"0", version
    upstream, hyphen, revision = rest.rpartition(b"-")
    if not hyphen:
        upstream, revision = rest, b"0"
    if not version:
        return "it is empty"
    if not epoch.isdigit():
        return "its epoch is not a number"
    if len(epoch.lstrip(b"0")) > 10 or int(epoch) > MAX_EPOCH:
        return f"its epoch is above {MAX_EPOCH}"
    if not upstream:
        return "nothing follows its epoch" if colon and not hyphen else "it starts with a hyphen"
    if not revision:
        return "nothing follows its last hyphen"
    if not upstream[:1].isdigit():
        return "it does not start with a digit"
    if not _UPSTREAM.fullmatch(upstream) or not _REVISION.fullmatch(revision):
        return "there is a character in it that cannot stand there"
    return ""
