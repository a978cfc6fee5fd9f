"""Indexes: which ones a mirror reads, and under which names an archive may have each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo_mirror.upstream.release import BY_HASH
from debrepo_mirror.upstream.unpacking import COSTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from debrepo.package import Kind, PackageFile
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.upstream.release import Release


class ReadIndex(NamedTuple):
    """An index that a mirror reads."""

    path: str  #: below the Release file, without the ending of a compression
    kind: Kind
    component: str = ""  #: empty in a flat repository
    architectures: frozenset[str] = frozenset()  #: of its packages; empty: any


class IndexVariant(NamedTuple):
    """An index as the archive compresses it, under one of its names."""

    suffix: str
    path: str  #: below the Release file, as it is asked for
    listed: PackageFile | None  #: what Release says of it, where there is one
    by_hash: bool = False


def wanted(mirror: Mirror, release: Release) -> list[ReadIndex]:
    """Return the indexes that a mirror reads, of packages and of sources."""
    if mirror.flat:
        machines = frozenset([*mirror.architectures, "all"])
        found = [ReadIndex("Packages", "deb", "", machines)]
        return [*found, ReadIndex("Sources", "source")] if mirror.sources else found
    architectures = [*mirror.architectures, *_all(release)]
    found = []
    for name in mirror.components:
        for architecture in architectures:
            own = frozenset([architecture, "all"])
            found.append(ReadIndex(f"{name}/binary-{architecture}/Packages", "deb", name, own))
            if mirror.udebs and architecture != "all":
                path = f"{name}/debian-installer/binary-{architecture}/Packages"
                found.append(ReadIndex(path, "udeb", name, own))
        if mirror.sources:
            found.append(ReadIndex(f"{name}/source/Sources", "source", name))
    return found


def _all(release: Release) -> tuple[str, ...]:
    """Return ``all`` where the indexes of other architectures do not have its packages too."""
    if "all" not in release.field("Architectures").split():
        return ()
    return (
        () if "Packages" in release.field("No-Support-for-Architecture-all").split() else ("all",)
    )


def listed(index: ReadIndex, release: Release) -> dict[str, PackageFile]:
    """Return what Release lists of an index, by the ending of the compression."""
    found = {suffix: release.files.get(index.path + suffix) for suffix in COSTS}
    return {suffix: file for suffix, file in found.items() if file is not None}


def is_empty(files: Mapping[str, PackageFile]) -> bool:
    """Tell whether an index has no packages: then there is nothing to fetch."""
    plain = files.get("")
    return plain is not None and plain.size == 0


def variants(
    index: ReadIndex, files: Mapping[str, PackageFile], release: Release, by_hash: str
) -> Iterator[IndexVariant]:
    """Yield the names to ask for, the cheapest compression first.

    What is not compressed comes last: it is listed everywhere, and served nearly nowhere. Of
    each, all names by hash come before the one that changes with the archive.
    """
    named = by_hash == "force" or (by_hash == "auto" and release.by_hash)
    for suffix in sorted(
        files, key=lambda suffix: (not suffix, files[suffix].size * COSTS[suffix])
    ):
        file = files[suffix]
        path = index.path + suffix
        if named:
            directory = path.rpartition("/")[0]
            for algorithm, title in BY_HASH.items():
                if digest := getattr(file, algorithm):
                    below = f"by-hash/{title}/{digest}"
                    yield IndexVariant(
                        suffix, f"{directory}/{below}".lstrip("/"), file, by_hash=True
                    )
        if by_hash != "force":
            yield IndexVariant(suffix, path, file)


def strong_only(files: Mapping[str, PackageFile], *, weak: bool) -> dict[str, PackageFile]:
    """Return those of which a checksum is listed that is good enough."""
    return {suffix: file for suffix, file in files.items() if file.sha256 or file.sha512 or weak}


def fingerprint(files: Iterable[PackageFile]) -> str:
    """Return what an index is recognized by: the best checksum of the best of its variants.

    That is the uncompressed one, where it is listed: it may be compressed anew and be the same.
    """
    for file in sorted(files, key=lambda file: (len(file.name), file.name)):
        for algorithm in ("sha256", "sha512", "sha1", "md5"):
            if digest := getattr(file, algorithm):
                return f"{algorithm}:{digest}"
    return ""
