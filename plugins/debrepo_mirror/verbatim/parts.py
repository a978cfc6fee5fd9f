"""The parts of an archive that a mirror has, by the paths of their indexes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.package import PackageFile
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.upstream.release import Release

PACKED = (".xz", ".gz", ".zst", ".bz2", ".lzma")

_MACHINE = re.compile(r"/binary-([^/]+)/")
_CONTENTS = re.compile(r"(?:.*/)?Contents-(udeb-)?([a-z0-9-]+)(?:\.[a-z0-9]+)?")


def is_mirrored(mirror: Mirror, path: str) -> bool:
    """Tell whether a file below the Release file belongs to what the mirror has.

    So apt names the index that is lacking, and not each package in it. Patches of indexes are
    not listed themselves: apt fetches the index instead.
    """
    if ".diff/" in path:
        return False
    if mirror.flat or "/" not in path:
        return True
    if not path.startswith(tuple(f"{name}/" for name in mirror.components)):
        return path.startswith("by-hash/")
    machine = _MACHINE.search(path)
    if machine and machine[1] not in (*mirror.architectures, "all"):
        return False
    if "/debian-installer/" in path and not mirror.udebs:
        return False
    return mirror.sources or "/source/" not in path


def listed(mirror: Mirror, release: Release) -> Iterator[PackageFile]:
    """Yield what Release lists of the parts that a verbatim mirror has.

    What is not compressed is left out beside one that is: it is listed everywhere, and served
    nearly nowhere.
    """
    for path, file in release.files.items():
        if not is_mirrored(mirror, path) or "/installer-" in path:
            continue
        if "/dep11/" in path and not mirror.appstream:
            continue
        if any(path + suffix in release.files for suffix in PACKED):
            continue
        found = _CONTENTS.fullmatch(path)
        if found is None or _has_contents(mirror, found[2], udebs=bool(found[1])):
            yield file


def _has_contents(mirror: Mirror, architecture: str, *, udebs: bool) -> bool:
    if udebs and not mirror.udebs:
        return False
    if architecture == "source":
        return mirror.sources
    return architecture in (*mirror.architectures, "all")


def stem(path: str) -> str:
    """Return the path of an index without the ending of its compression."""
    return next((path.removesuffix(end) for end in PACKED if path.endswith(end)), path)
