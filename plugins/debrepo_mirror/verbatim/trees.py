"""The package files that an index lists, by the paths that the archive has them under."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from debrepo.errors import InvalidPackage
from debrepo.stopping import checkpoint
from debrepo.verbatim import TreeFile
from debrepo_mirror.upstream import stanzas, unpacking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.archive import Limits
    from debrepo_mirror.surveying import ReadArchive
    from debrepo_mirror.upstream.indexes import ReadIndex
    from debrepo_mirror.work import UpdateWork

_ABOUT = re.compile(rb"\n(filename|size|sha256)[ \t]*:[ \t]*([^\n]*)", re.I)
_SHA256 = re.compile("[0-9a-f]{64}")


def of_surveyed(work: UpdateWork, archive: ReadArchive) -> dict[str, list[TreeFile]]:
    """Return the files that each index lists which was read, by the path of the index."""
    found: dict[str, list[TreeFile]] = {}
    for one in archive.surveyed:
        checksum, _ = archive.checksums[one.read.path]
        held = work.cache.find(one.read, checksum)
        files = found.setdefault(one.read.path, [])
        if held is not None:
            what = one.read.path + held.suffix
            pieces = unpacking.pieces(held.pieces(), held.suffix, what, limit=work.rules.unpacked)
            for batch in stanzas.split(pieces, what, longest=work.rules.limits.control_file):
                checkpoint()
                for stanza in batch:
                    files += _files(one.read, stanza, work.rules.limits)
    return found


def _files(index: ReadIndex, stanza: bytes, limits: Limits) -> Iterator[TreeFile]:
    """Yield the files of a stanza; those that cannot be told, `survey` has found fault with."""
    with suppress(InvalidPackage):
        if index.kind == "source":
            offered = stanzas.source(stanza, limits, weak=True)
            for file, path in zip(offered.package.files, offered.paths, strict=True):
                if file.sha256:
                    yield TreeFile(path, file.size, file.sha256)
            return
        about = {name.lower(): value.strip() for name, value in _ABOUT.findall(b"\n" + stanza)}
        size, sha256 = about.get(b"size", b""), about.get(b"sha256", b"").decode("latin-1").lower()
        if size.isdigit() and len(size) < 16 and _SHA256.fullmatch(sha256):
            path = stanzas.checked_path(about.get(b"filename", b"").decode(errors="replace"))
            yield TreeFile(path, int(size), sha256)
