"""The layout of a published archive: where package files go below a prefix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from debrepo.package import Package

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]{0,127}")


def pool_directory(component: str, package: Package) -> str:
    """Return the directory of a package's files, by its source package.

    ``pool/main/h/hello`` and ``pool/main/libf/libfoo``, as Debian's own archive does.
    """
    source = package.source[0]
    if not _SAFE.fullmatch(source):
        source = package.key.name
    shelf = source[:4] if source.startswith("lib") and len(source) > 3 else source[0]
    return f"pool/{component}/{shelf}/{source}"


def elsewhere(directory: str, package: Package) -> str:
    """Return the directory for a package whose own place is taken by other bytes.

    Content under a path that was served is never replaced, so the second of two builds
    of one version gets a directory of its own.
    """
    return f"{directory}/{package.key.hash}"


def by_hash(path: str, algorithm: str, digest: str) -> str:
    """Return the by-hash path of an index: ``…/by-hash/SHA256/0123…``."""
    directory = path.rpartition("/")[0]
    return f"{directory}/by-hash/{algorithm}/{digest}"
