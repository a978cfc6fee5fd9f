"""Transactions of a store that is far away: they ask for much at once, and for nothing twice."""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Protocol

from debrepo.database.asking import Range
from debrepo.database.known import UNKNOWN, KnownState, Unknown
from debrepo.database.store import LONGEST_KEY
from debrepo.errors import InvalidInput
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_FIRST, _MOST = 64, 4096  # entries of a range that are asked for at a time
_KEPT = 256  # entries of an answer that is remembered: walks through a table are not
_KEYS = 1024  # keys that are asked for at a time
_WAITING = 8 << 20  # bytes of changes that wait for the commit


class FarReply(NamedTuple):
    """The entries that were found: those of keys, and of each range."""

    found: Mapping[bytes, bytes]
    ranges: Sequence[Sequence[tuple[bytes, bytes]]]


class FarServer(Protocol):
    """One transaction of the server's, which begins when it is first asked something."""

    def begin(
        self, keys: Sequence[bytes], ranges: Sequence[Range], ahead: Sequence[Range], known: int
    ) -> tuple[int, FarReply]:
        """Begin, and return the number of the state, with the first answers, in one round trip.

        Those for ``ahead`` follow those for ``ranges``, unless the state is the one ``known``.
        """

    def fetch(self, keys: Sequence[bytes], ranges: Sequence[Range]) -> FarReply:
        """Return what is asked for, in one round trip."""

    def count(self, low: bytes, high: bytes) -> int:
        """Return how many entries a range has, in one round trip."""

    def tell(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Make changes within the transaction; ``None`` stands for a removed entry."""


class FarTransaction:
    """A raw transaction which reads what it does not know yet, and keeps its changes to itself.

    It begins with the first question, so one that asks nothing costs nothing; the keys and ranges
    ``ahead`` are asked for at the same time. What is known of a state stays so in the next
    transaction, if nobody has changed anything meanwhile.
    """

    far: ClassVar[bool] = True

    def __init__(
        self,
        server: FarServer,
        known: KnownState,
        *,
        keys: Sequence[bytes] = (),
        ahead: Sequence[Range] = (),
        begun: bool = False,
        write: bool = False,
    ) -> None:
        self._server = server
        self._known = self._shared = known
        self._first = keys, ahead
        self._write = write
        self._size = 0  # of the changes, in bytes
        self._told = False  # whether the server has some of the changes already
        self.begun = begun  #: whether the state is known
        self._when_begun: Callable[[], None] | None = None
        self.changes: dict[bytes, bytes | None] = {}  #: for the end: ``None`` is a removed entry
        self._changed: list[bytes] = []  # their keys, in order

    def when_begun(self, action: Callable[[], None]) -> None:
        """Run ``action`` once the state is known, before anything is said of it."""
        if self.begun:
            action()
        else:
            self._when_begun = action

    def id(self) -> int:
        """Return the number of the state that is seen; of a writer, that it will commit."""
        if not self.begun:
            self._ask([])
        return self._known.serial + self._write

    @property
    def is_changed(self) -> bool:
        """Whether there is something to commit."""
        return self._told or bool(self.changes)

    def committed(self, serial: int) -> None:
        """Note that the changes were committed: what is known is the state ``serial`` now."""
        if self._told:
            self._shared.reset(serial)
        else:
            self._shared.apply(self.changes, serial)

    def preload(self, keys: Iterable[bytes], ranges: Iterable[Range] = ()) -> None:
        """Ask for what will be read, as far as it is not known."""
        wanted = [one for one in ranges if self._lacks(one)]
        missing = [key for key in dict.fromkeys(keys) if self._look(key) is UNKNOWN]
        if missing or wanted:
            self._ask(missing, wanted)

    def get(self, key: bytes, /) -> bytes | None:
        """Return the value under a key, or nothing."""
        found = self._look(key)
        if isinstance(found, Unknown):
            if not 0 < len(key) <= LONGEST_KEY:
                raise InvalidInput("a name is too long for the database, or empty")
            found = self._ask([key]).found.get(key)
        return found

    def get_many(self, keys: Iterable[bytes], /) -> Iterator[bytes | None]:
        """Yield the values of keys in their order."""
        rest = iter(keys)
        while batch := list(islice(rest, _KEYS)):
            if self._known.is_full:
                self._known.reset(self._known.serial)
            self.preload(batch)
            yield from map(self.get, batch)

    def put(self, key: bytes, value: bytes, /, *, overwrite: bool = True) -> bool:
        """Store a value; what need not be overwritten has one value only."""
        if not overwrite and self._look(key) == value:
            return False
        self._change(key, value)
        return True

    def put_many(self, entries: Iterable[tuple[bytes, bytes]], /) -> None:
        """Store many values."""
        rest = iter(entries)
        while batch := list(islice(rest, _KEYS)):
            for key, value in batch:
                self._check(key)
                self._size += len(key) + len(value)
            self.changes.update(batch)
            self._changed = sorted(self.changes)
            self._tell()

    def delete(self, key: bytes, /) -> bool:
        """Remove an entry; return whether there was one."""
        if self.get(key) is None:
            return False
        self._change(key, None)
        return True

    def delete_range(self, low: bytes, high: bytes, /) -> None:
        """Remove all entries of a range."""
        for key in list(self.keys(low, high)):
            self._change(key, None)

    def items(
        self, low: bytes, high: bytes, /, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries of a range, in order or from the last one on."""
        return self._walk(low, high, reverse=reverse, values=True)

    def keys(self, low: bytes, high: bytes, /, *, reverse: bool = False) -> Iterator[bytes]:
        """Yield the keys of a range, without reading the values."""
        return (key for key, _ in self._walk(low, high, reverse=reverse, values=False))

    def count(self, low: bytes, high: bytes, /) -> int:
        """Return how many entries a range has."""
        if not self.begun:
            self._ask([], [Range(low, high, _FIRST)])
        if self._own(low, high) or not self._lacks(Range(low, high, 0)):
            return sum(1 for _ in self.keys(low, high))
        return self._server.count(low, high)

    def _change(self, key: bytes, value: bytes | None) -> None:
        self._check(key)
        if key not in self.changes:
            insort(self._changed, key)
        self.changes[key] = value
        self._size += len(key) + len(value or b"")
        self._tell()

    def _check(self, key: bytes) -> None:
        if not self._write:
            raise RuntimeError("this transaction only reads; a change needs write() or update()")
        if not 0 < len(key) <= LONGEST_KEY:
            raise InvalidInput("a name is too long for the database, or empty")

    def _tell(self) -> None:
        """Have the server keep the changes, when they take much memory.

        What others may go by is not touched: it is the state before.
        """
        if self._size < _WAITING:
            return
        if not self.begun:
            self._ask([])
        self._server.tell(self.changes)
        serial = self._known.serial
        self._known = KnownState()
        self._known.reset(serial)
        self.changes, self._changed, self._size, self._told = {}, [], 0, True

    def _own(self, low: bytes, high: bytes) -> list[bytes]:
        """Return the keys in a range that this transaction has changed."""
        return self._changed[bisect_left(self._changed, low) : bisect_left(self._changed, high)]

    def _walk(
        self, low: bytes, high: bytes, *, reverse: bool, values: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        limit = _FIRST
        while low < high:
            entries, end = self._next(Range(low, high, limit, reverse, values))
            limit = min(4 * limit, _MOST)
            part = (end, high) if reverse else (low, end)
            yield from self._merged(entries, *part, reverse=reverse)
            low, high = (low, end) if reverse else (end, high)

    def _next(self, wanted: Range) -> tuple[Sequence[tuple[bytes, bytes]], bytes]:
        """Return the next entries of a range, and up to where, or from where, these are all."""
        if self.begun:
            entries, end = self._known_of(wanted)
            if end != (wanted.high if wanted.reverse else wanted.low):
                return entries, end
        answered = self._ask([], [wanted]).ranges[0]
        return answered, _end(wanted, answered)

    def _merged(
        self, entries: Sequence[tuple[bytes, bytes]], low: bytes, high: bytes, *, reverse: bool
    ) -> Iterable[tuple[bytes, bytes]]:
        """Return entries of a stretch of the store, as this transaction has changed them."""
        own = self._own(low, high)
        if not own:
            return entries
        together: dict[bytes, bytes | None] = {**dict(entries), **{k: self.changes[k] for k in own}}
        merged = sorted(together.items(), reverse=reverse)
        return [(key, value) for key, value in merged if value is not None]

    def _look(self, key: bytes) -> bytes | Unknown | None:
        if key in self.changes:
            return self.changes[key]
        return self._known.get(key) if self.begun else UNKNOWN

    def _known_of(self, wanted: Range) -> tuple[list[tuple[bytes, bytes]], bytes]:
        look = self._known.stretch_back if wanted.reverse else self._known.stretch
        return look(wanted.low, wanted.high)

    def _lacks(self, wanted: Range) -> bool:
        """Whether less than what is wanted of a range is known."""
        if not self.begun:
            return True
        entries, end = self._known_of(wanted)
        whole = end == (wanted.low if wanted.reverse else wanted.high)
        return not whole and not 0 < wanted.limit <= len(entries)

    def _ask(self, keys: Sequence[bytes], ranges: Sequence[Range] = ()) -> FarReply:
        """Ask the server, and note what it says; begin, if this is the first question."""
        if self.begun:
            answer = self._server.fetch(keys, ranges)
            began = False
        else:
            began = True
            first, ahead = self._first
            keys = [*dict.fromkeys((*first, *keys))]
            serial, answer = self._server.begin(keys, ranges, ahead, self._known.serial)
            if serial != self._known.serial:
                self._known.reset(serial)
                ranges = [*ranges, *ahead]
            self.begun = True
        self._known.learn(keys, answer.found)
        for wanted, entries in zip(ranges, answer.ranges, strict=True):
            if (wanted.values and wanted.limit <= _KEPT) or not entries:
                end = _end(wanted, entries)
                part = (end, wanted.high) if wanted.reverse else (wanted.low, end)
                self._known.learn_range(*part, entries[::-1] if wanted.reverse else entries)
        if began and self._when_begun is not None:
            self._when_begun()
        return answer


def _end(wanted: Range, entries: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return up to where, or from where, the answer for a range has all entries."""
    if len(entries) < wanted.limit:
        return wanted.low if wanted.reverse else wanted.high
    return entries[-1][0] if wanted.reverse else entries[-1][0] + b"\0"
