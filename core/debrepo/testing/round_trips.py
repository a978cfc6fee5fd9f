"""Round trips: how often an operation asks a database that is far away, counted on any."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from debrepo.database.environment import Environment
from debrepo.database.far import FarReply, FarTransaction
from debrepo.database.known import KnownState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from debrepo.database.asking import Range, Steady
    from debrepo.database.entries import LmdbEntries


class CountedServer:
    """LMDB that answers as a server does, and counts what it is asked."""

    def __init__(self, entries: LmdbEntries, counted: list[str], *, write: bool) -> None:
        self._entries = entries
        self._counted = counted
        self._write = write

    def begin(
        self, keys: Sequence[bytes], ranges: Sequence[Range], ahead: Sequence[Range], known: int
    ) -> tuple[int, FarReply]:
        """Begin, with the first answers."""
        serial = self._entries.id() - self._write
        self._counted.append("begin")
        return serial, self._answer(keys, ranges if serial == known else [*ranges, *ahead])

    def fetch(self, keys: Sequence[bytes], ranges: Sequence[Range]) -> FarReply:
        """Return what is asked for."""
        self._counted.append("fetch")
        return self._answer(keys, ranges)

    def count(self, low: bytes, high: bytes) -> int:
        """Return how many entries a range has."""
        self._counted.append("count")
        return self._entries.count(low, high)

    def tell(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Make changes before the commit."""
        self._counted.append("tell")
        self.make(changes)

    def make(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Make changes; ``None`` stands for a removed entry."""
        for key, value in changes.items():
            if value is None:
                self._entries.delete(key)
            else:
                self._entries.put(key, value)

    def _answer(self, keys: Sequence[bytes], ranges: Sequence[Range]) -> FarReply:
        values = zip(keys, self._entries.get_many(keys), strict=True)
        found = {key: value for key, value in values if value is not None}
        return FarReply(found, [list(self._range(one)) for one in ranges])

    def _range(self, wanted: Range) -> Iterator[tuple[bytes, bytes]]:
        entries = self._entries.items(wanted.low, wanted.high, reverse=wanted.reverse)
        for _, (key, value) in zip(range(wanted.limit), entries, strict=False):
            yield key, value if wanted.values else b""


class CountedEnvironment(Environment):
    """The LMDB of a root, which is asked as a database far away is, and counts how often.

    It stands in the place of `Environment`: what an operation costs on a server is told without
    one. Leases are files here, and not counted.
    """

    counted: ClassVar[list[str]] = []

    def __init__(self, path: Path, map_size: int, *, read_only: bool) -> None:
        super().__init__(path, map_size, read_only=read_only)
        self._known = KnownState()

    @contextmanager
    def transaction(  # type: ignore[override]  # it is another kind of transaction
        self, *, write: bool, ahead: Sequence[bytes | Range] = (), steady: Steady | None = None
    ) -> Iterator[FarTransaction | LmdbEntries]:
        """Run the block in a transaction that begins when it is first asked something."""
        with super().transaction(write=write) as entries:
            if self.place.rpartition("/")[2] != "db":  # a cache beside it
                yield entries
                return
            server = CountedServer(entries, self.counted, write=write)
            known = self._known
            fixed = steady is not None and known.serial >= 0 and bool(steady.lately or steady.kept)
            txn = FarTransaction(
                server,
                known,
                keys=[one for one in ahead if isinstance(one, bytes)],
                ahead=[one for one in ahead if not isinstance(one, bytes)],
                begun=fixed,
                write=write,
            )
            yield txn
            if txn.is_changed:
                txn.id()  # the number of the state has to be known
                self.counted.append("commit")
                server.make(txn.changes)
                txn.committed(entries.id())
            if steady is not None:
                steady.kept = True

    def release(self, steady: Steady) -> None:
        steady.kept = None
