"""Fetching package files from their storage, when somebody needs them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from debrepo import stored_files
from debrepo.errors import RemoteError
from debrepo.object_storage import side_by_side
from debrepo_pool import places
from debrepo_pool.tables import MOVED

if TYPE_CHECKING:
    from debrepo.pool import Pool
    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_pool.places import FilePlace

_THREADS = 8
_MISSING = "is pool.storage the place that it was moved to? Else add the package again"


def fetch(session: Session, digests: frozenset[str]) -> None:
    """Put those files into the pool that are in the storage; the others are not ours."""
    with session.db.read() as txn:
        moved = txn[MOVED]
        ours = {digest: moved.get(bytes.fromhex(digest)) for digest in digests}
    wanted = sorted(digest for digest, where in ours.items() if where is not None)
    if not wanted:
        return
    place = places.configured(session)
    if place is None or any(ours[digest] != place.endpoint.encode() for digest in wanted):
        was = next(where for where in ours.values() if isinstance(where, bytes)).decode()
        raise RemoteError(
            f"package files are in {was}, which pool.storage does not name",
            hint=f"set pool.storage to {was} and its prefix",
        )
    with closing(place.open(session)) as storage, session.pool.reserving() as pool:
        tracked = session.progress.track("Fetching files", wanted, total=len(wanted))
        side_by_side(lambda one: _bring(pool, place, storage, one), tracked, _THREADS)
        pool.sync()


def _bring(pool: Pool, place: FilePlace, storage: Storage, digest: str) -> None:
    """Copy one file into the pool, and verify it on the way."""
    path, where = place.path(digest), place.endpoint
    stored_files.bring(pool, storage, path, digest, where=where, missing=_MISSING)
