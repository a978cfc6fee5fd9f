"""Recovery: package files that the pool has lost, and those who may have them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, BinaryIO, cast

from debrepo.errors import DebrepoError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from debrepo.pool import Pool


class LostFiles:
    """Files that are to come back into the pool, given by their SHA256.

    Those who look for them say where with `look`, and give what they find to `take`.
    """

    def __init__(self, pool: Pool, digests: Collection[str]) -> None:
        self._pool = pool
        self._missing = set(digests)
        self.found: dict[str, str] = {}  #: where each file was found that is back
        self.looked: list[str] = []  #: the places where somebody looked
        self.failed: list[str] = []  #: what could not be read there, one line each

    @property
    def missing(self) -> frozenset[str]:
        """Those that nobody has found yet."""
        return frozenset(self._missing)

    def look(self, where: str) -> None:
        """Note that a place is being searched."""
        if where not in self.looked:
            self.looked.append(where)

    def fail(self, said: str) -> None:
        """Note that a place, or a file in it, could not be read."""
        self.failed.append(said)

    def take(self, sha256: str, pieces: Iterable[bytes], where: str) -> bool:
        """Put a file into the pool if its bytes are the right ones; return whether they are.

        What takes its name in the pool is whole, and replaces what is damaged there.
        """
        digest = hashlib.sha256()
        try:
            with self._pool.stage(cast("BinaryIO", _Pieces(pieces))) as staged:
                for block in staged:
                    digest.update(block)
                if digest.hexdigest() == sha256:
                    staged.place(sha256, anew=True)
        except DebrepoError as error:
            self.fail(f"{where}: {error}")
            return False
        if digest.hexdigest() != sha256:
            self.fail(f"{where} is damaged: its SHA256 checksum is {digest.hexdigest()}")
            return False
        self._missing.discard(sha256)
        self.found[sha256] = where
        return True


class _Pieces:
    """Pieces of a file, as a file that is read from its start to its end."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)

    def fileno(self) -> int:
        raise OSError("there is no file")

    def read(self, _size: int = -1) -> bytes:
        return next((piece for piece in self._pieces if piece), b"")
