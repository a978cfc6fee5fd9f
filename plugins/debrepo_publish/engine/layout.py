"""The layout of a published archive: where package files go below a prefix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from debrepo_publish.engine.ledger import File
from debrepo_publish.model.publication import CHECKSUMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.package import Package
    from debrepo_publish.model.publication import Generation, Index, Publication

#: Kinds of what is no package of dpkg's, and in no index of packages.
CARRIED = ("appstream", "installer", "translation")

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]{0,127}")


def pool_directory(shelf: str, package: Package) -> str:
    """Return the directory of a package's files, by its source package.

    ``pool/main/h/hello`` and ``pool/main/libf/libfoo``, as Debian's own archive does. The
    shelf is the component, or ``DISTRIBUTION/COMPONENT`` where a distribution has its own.
    """
    source = package.source[0]
    if not _SAFE.fullmatch(source):
        source = package.key.name
    start = source[:4] if source.startswith("lib") and len(source) > 3 else source[0]
    return f"pool/{shelf}/{start}/{source}"


def elsewhere(directory: str, package: Package) -> str:
    """Return the directory for a package whose usual path holds other bytes.

    Content under a path that was served is never replaced, so the second of two builds
    of one version gets a directory of its own.
    """
    return f"{directory}/{package.key.hash}"


def paths(shelf: str, package: Package, *, displaced: bool) -> tuple[str, ...]:
    """Return where the files of a package are served, below the prefix."""
    directory = _directory(shelf, package, displaced=displaced)
    return tuple(f"{directory}/{file.name}" for file in package.files)


def files(shelf: str, package: Package, *, displaced: bool) -> list[File]:
    """Return the files of a package as the ledger counts them.

    There are none of what is published beside the indexes: see `carried`.
    """
    if package.kind in CARRIED:
        return []
    directory = _directory(shelf, package, displaced=displaced)
    return [
        File(f"{directory}/{name}", sha256, size) for name, size, _, _, sha256, _ in package.files
    ]


def _directory(shelf: str, package: Package, *, displaced: bool) -> str:
    directory = pool_directory(shelf, package)
    return elsewhere(directory, package) if displaced else directory


def by_hash(path: str, algorithm: str, digest: str) -> str:
    """Return the by-hash path of an index: ``…/by-hash/SHA256/0123…``."""
    directory = path.rpartition("/")[0]
    return f"{directory}/by-hash/{algorithm}/{digest}"


def index_files(publication: Publication, indexes: Mapping[str, Index]) -> list[File]:
    """Return the files that the indexes of a generation are: by name, and by hash."""
    found = []
    for path, index in indexes.items():
        if index.stored:
            name = f"dists/{publication.distribution}/{path}"
            if index.listed:
                found.append(File(name, "", index.size))
            hashed = hashed_paths(publication, name, index)
            found += [File(path, index.sha256, index.size) for path in hashed]
    return found


def dated_root(generation: Generation) -> str:
    """Return the directory of the dated archive of a generation, with a slash behind it."""
    return f"dists/{generation.publication.distribution}/{generation.dated}/"


def dated_indexes(generation: Generation) -> dict[str, str]:
    """Return the indexes of a dated archive, with the files that have the same content."""
    publication, found = generation.publication, dict[str, str]()
    start = f"dists/{publication.distribution}/"
    for path, index in generation.indexes.items():
        if index.stored:
            hashed = hashed_paths(publication, start + path, index)
            for name in (start + path, *hashed):
                found[dated_root(generation) + name.removeprefix(start)] = hashed[0]
    return found


def alias_indexes(generation: Generation) -> dict[str, str]:
    """Return the immutable files below aliases, with the files that have the same content."""
    publication = generation.publication
    *aliases, own = publication.roots
    return {
        root + hashed.removeprefix(own): hashed
        for path, index in generation.indexes.items()
        if index.stored
        for hashed in hashed_paths(publication, own + path, index)
        for root in aliases
    }


def written_files(generation: Generation) -> list[File]:
    """Return the files below ``dists`` that stay as long as a generation, as the ledger has them.

    The Release files of its dated archive are among them; those that clients start from are not.
    """
    publication = generation.publication
    found = index_files(publication, generation.indexes)
    if publication.aliases and generation.indexes:
        found += _alias_files(publication, found)
    if generation.dated and generation.indexes:
        start, root = f"dists/{publication.distribution}/", dated_root(generation)
        names = ["Release"]
        names += [] if publication.skip_signing else ["Release.gpg", "InRelease"]
        own = [file for file in found if file.path.startswith(start)]
        found += [File(root + path.removeprefix(start), "", size) for path, _, size in own]
        found += [File(root + name, "", 0) for name in names]
    return found


def _alias_files(publication: Publication, own: list[File]) -> list[File]:
    """Return what is below the aliases of a distribution; they stay for a while when they go."""
    *aliases, main = publication.roots
    names = ["Release"]
    names += [] if publication.skip_signing else ["Release.gpg", "InRelease"]
    found = [
        File(root + path.removeprefix(main), sha256, size)
        for root in aliases
        for path, sha256, size in own
    ]
    return found + [File(root + name, "", 0) for root in aliases for name in names]


def hashed_paths(publication: Publication, name: str, index: Index) -> list[str]:
    """Return the by-hash paths of an index: one for each strong checksum in Release.

    What Release does not list has its name alone, under which content is never replaced.
    """
    if not index.listed:
        return [name]
    listed = (
        [n for n in CHECKSUMS if getattr(index, n)] if publication.verbatim else publication.sums
    )
    strong = [n for n in ("sha256", "sha512") if n in listed]
    return [by_hash(name, CHECKSUMS[n], getattr(index, n)) for n in strong]
