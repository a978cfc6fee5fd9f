"""Documents: files of an upload that are part of no package, on their way into the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.archive.stream import Digests

if TYPE_CHECKING:
    from pathlib import Path

    from debrepo.package import PackageFile
    from debrepo.pool import Pool


def put_document(pool: Pool, path: Path) -> PackageFile:
    """Put a file into the pool, best one that is `reserving`, and return it with its digests."""
    digests = Digests()
    with path.open("rb", buffering=0) as opened, pool.stage(opened) as staged:
        for _ in digests.through(staged):
            pass
        found = digests.file(path.name)
        staged.place(found.sha256)
    return found
