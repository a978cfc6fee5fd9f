"""Stored files: package files on their way from a storage into the pool, verified."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, cast

from debrepo.errors import NotFound, RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from debrepo.pool import Pool
    from debrepo.storage import Storage


class LostFile(RemoteError):
    """A file that a storage should have is missing there, or damaged."""


def bring(
    pool: Pool, storage: Storage, path: str, digest: str, *, where: str, missing: str
) -> None:
    """Copy the file with this SHA256 from ``path`` of a storage into the pool; `sync` it later.

    ``where`` is what errors call the storage, and ``missing`` the hint if the file is not there.
    """
    found = hashlib.sha256()
    try:
        with pool.stage(cast("BinaryIO", _Reader(storage.pieces(path)))) as staged:
            for block in staged:
                found.update(block)
            if found.hexdigest() != digest:
                raise LostFile(
                    f"{path} of {where} is damaged: its SHA256 checksum is {found.hexdigest()}",
                    hint="delete it there, and add the package again",
                )
            staged.place(digest)
    except NotFound:
        raise LostFile(f"{path} is missing from {where}", hint=missing) from None


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
