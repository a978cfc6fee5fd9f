"""Fetching package files from their storage, when somebody needs them."""

from __future__ import annotations

import hashlib
import io
from contextlib import closing
from typing import TYPE_CHECKING, cast

from debrepo.errors import NotFound, RemoteError
from debrepo.object_storage import side_by_side
from debrepo_pool import places
from debrepo_pool.tables import MOVED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from debrepo.pool import Pool
    from debrepo.session import Session
    from debrepo.storage import Storage
    from debrepo_pool.places import FilePlace

_THREADS = 8


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
    path = place.path(digest)
    found = hashlib.sha256()
    try:
        with pool.stage(cast("BinaryIO", _Reader(storage.pieces(path)))) as staged:
            for block in staged:
                found.update(block)
            if found.hexdigest() != digest:
                raise RemoteError(
                    f"{path} of {place.endpoint} is damaged: its SHA256 checksum is "
                    f"{found.hexdigest()}",
                    hint="delete it there, and add the package again",
                )
            staged.place(digest)
    except NotFound:
        raise RemoteError(
            f"{path} is missing from {place.endpoint}",
            hint="is pool.storage the place that it was moved to? Else add the package again",
        ) from None


class _Reader(io.RawIOBase):
    """Pieces of a file, as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = memoryview(piece)
        end = len(self._left) if size is None or size < 0 else size
        data, self._left = self._left[:end], self._left[end:]
        return bytes(data)
