"""Field order: a stanza whose fields stand in the usual order, as aptly prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_BINARY = (
    "Package", "Essential", "Status", "Priority", "Section", "Installed-Size", "Maintainer",
    "Original-Maintainer", "Architecture", "Source", "Version", "Replaces", "Provides", "Depends",
    "Pre-Depends", "Recommends", "Suggests", "Conflicts", "Breaks", "Conffiles", "Filename",
    "Size", "MD5Sum", "MD5sum", "SHA1", "SHA256", "SHA512", "Description",
)  # fmt: skip
_SOURCE = (
    "Package", "Source", "Binary", "Version", "Priority", "Section", "Maintainer",
    "Original-Maintainer", "Build-Depends", "Build-Depends-Indep", "Build-Conflicts",
    "Build-Conflicts-Indep", "Architecture", "Standards-Version", "Format", "Directory", "Files",
)  # fmt: skip
_PLACES = {
    False: {name: place for place, name in enumerate(_BINARY)},
    True: {name: place for place, name in enumerate(_SOURCE)},
}
#: Fields that keep their lines; those of all others are one line.
LINES = frozenset(
    [
        "Description", "Files", "Changes", "Checksums-Sha1", "Checksums-Sha256",
        "Checksums-Sha512", "Package-List",
    ]
)  # fmt: skip


def render(fields: Mapping[str, str], *, source: bool) -> str:
    """Return a stanza: the usual fields in their order, then all others sorted.

    The values of `LINES` have all their lines as they stand behind the colon.
    """
    places = _PLACES[source]
    known = sorted((places[name], name) for name in fields if name in places)
    others = sorted(name for name in fields if name not in places)
    names = [*(name for _, name in known), *others]
    return "".join([_field(name, fields[name]) for name in names])


def _field(name: str, value: str) -> str:
    if name not in LINES:
        return f"{name}: {value}\n"
    lines = value if value.endswith("\n") else value + "\n"
    return f"{name}:{lines}" if name == "Description" else f"{name}:\n{lines}"
