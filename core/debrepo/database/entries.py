"""The entries of a transaction of LMDB, as `TableView` asks for them: one by one, and by range."""

from __future__ import annotations

from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.database.asking import Range

_AHEAD = 512  # values that `get_many` reads at a time
_BATCH = 4096  # items that `put_many` sorts at a time


class LmdbEntries:
    """The entries of one transaction of LMDB's; what is asked most goes there directly."""

    __slots__ = ("_txn", "delete", "get", "id", "put")
    far: ClassVar[bool] = False

    def __init__(self, txn: Any) -> None:
        self._txn = txn
        self.get = txn.get
        self.put = txn.put
        self.delete = txn.delete
        self.id = txn.id

    def when_begun(self, action: Callable[[], None], /) -> None:
        action()

    def preload(self, keys: Iterable[bytes], ranges: Iterable[Range] = (), /) -> None:
        """Do nothing: reading one by one takes no longer."""

    def get_many(self, keys: Iterable[bytes], /) -> Iterator[bytes | None]:
        rest, size = iter(keys), 1
        with self._txn.cursor() as cursor:
            while batch := list(islice(rest, size)):
                size = min(2 * size, _AHEAD)  # the caller may want only the first
                found = dict(cursor.getmulti(batch))
                for key in batch:
                    yield found.get(key)

    def put_many(self, entries: Iterable[tuple[bytes, bytes]], /) -> None:
        rest = iter(entries)
        with self._txn.cursor() as cursor:
            while batch := sorted(islice(rest, _BATCH), key=itemgetter(0)):
                # A page that overflows is cut in the middle, so keys in strict order would
                # leave every page half empty: the second and third pass fill them.
                if _distinct(batch):
                    batch = batch[::3] + batch[1::3] + batch[2::3]
                cursor.putmulti(batch)

    def delete_range(self, low: bytes, high: bytes, /) -> None:
        with self._txn.cursor() as cursor:
            while cursor.set_range(low) and cursor.key() < high:
                cursor.delete()

    def items(
        self, low: bytes, high: bytes, /, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        with self._txn.cursor() as cursor:
            if not reverse and cursor.set_range(low):
                for item in cursor.iternext():
                    if item[0] >= high:
                        return
                    yield item
            elif reverse and _seek_before(cursor, high):
                for item in cursor.iterprev():
                    if item[0] < low:
                        return
                    yield item

    def keys(self, low: bytes, high: bytes, /, *, reverse: bool = False) -> Iterator[bytes]:
        with self._txn.cursor() as cursor:
            if not reverse and cursor.set_range(low):
                for key in cursor.iternext(values=False):
                    if key >= high:
                        return
                    yield key
            elif reverse and _seek_before(cursor, high):
                for key in cursor.iterprev(values=False):
                    if key < low:
                        return
                    yield key

    def count(self, low: bytes, high: bytes, /) -> int:
        return sum(1 for _ in self.keys(low, high))


def _seek_before(cursor: Any, high: bytes) -> bool:
    """Put the cursor on the last key before ``high``; return whether there is one."""
    return bool(cursor.prev() if cursor.set_range(high) else cursor.last())


def _distinct(batch: list[tuple[bytes, bytes]]) -> bool:
    return all(
        one[0] != next_[0] for one, next_ in zip(batch, islice(batch, 1, None), strict=False)
    )
