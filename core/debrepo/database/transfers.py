"""Transfers: all entries of a database brought into another store, whatever interrupts that.

A transfer copies one state. It goes in the order of keys, some thousand entries in each transaction
of the target, which notes how far it came: so it goes on there. What was written to the source
between two attempts is brought along, since ranges that may differ are compared again. Until all is
there, and was compared by count and hash, the target lacks what makes it a database.
"""

from __future__ import annotations

from _blake2 import blake2b  # hashlib would load OpenSSL for it
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from debrepo.database.failures import Undone
from debrepo.database.schema import SCHEMA
from debrepo.database.tables import TableView, json_table
from debrepo.errors import AlreadyExists, DatabaseError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from debrepo.database.store import RawTransaction, Store

    Entries = Iterable[tuple[bytes, bytes]]
    #: What shows progress: a label, what goes by, and how much that will be.
    Track = Callable[[str, Entries, int], Entries]

T = TypeVar("T")

_END = b"\xff" * 512  # behind every key
_MOST = 5000  # entries in one transaction
_LARGE = 4 << 20  # bytes of values in one transaction, more or less
_STATE = "state"


class TransferState(NamedTuple):
    """How far a transfer has come; the target keeps it."""

    source: str  #: the place of the database that is copied
    serial: int  #: the state of it
    position: str  #: the key that all before are there of that state, in hex
    done: int = 0  #: the state of the target with which it is whole; 0: it is not


class CopiedEntries(NamedTuple):
    """What was copied, and found the same on both sides."""

    entries: int
    written: int  #: of these, or deleted, this time
    digest: str  #: BLAKE2b of all keys and values, in order
    serial: int  #: the state that was copied


#: In a target: what it is, or was, a copy of.
TRANSFERS = json_table(
    "core.transfers",
    load=lambda row: TransferState(**row),
    dump=TransferState._asdict,
    record=TransferState,
)


def untracked(_: str, entries: Entries, __: int) -> Entries:
    """Return entries, and show no progress."""
    return entries


def _range(name: str) -> tuple[bytes, bytes]:
    """Return where the keys of a table begin and end."""
    return name.encode() + b"\0", name.encode() + b"\1"


_SCHEMA, _OWN = _range(SCHEMA.name), _range(TRANSFERS.name)


def transfer(
    source: Store,
    target: Store,
    *,
    track: Track,
    reached: Callable[[str], None],
) -> CopiedEntries:
    """Make a target, which is empty or was left half done, a copy of the source as it is now.

    Raise `AlreadyExists` where the target holds anything else. ``reached`` is told of each step.
    """
    if source.place == target.place:
        raise InvalidInput(f"{target.place} is the database that is to be copied")
    with source.transaction(write=False) as raw:
        state = _begun(source, target, raw)
        reached("begun")
        total = raw.count(b"", _END)
        written = _copy(raw, target, state, track, total, reached)
        reached("copied")
        same = _compare(raw, target, track, total)
        if same is None and state.position:  # the source has been another one under this number
            state = state._replace(position="")
            written += _copy(raw, target, state, track, total, reached)
            same = _compare(raw, target, track, total)
        if same is None:
            raise DatabaseError(
                f"the copy in {target.place} is not what was copied",
                hint='run "debrepo db check", and look at disks and memory on both sides',
            )
        reached("compared")
        found = _finish(raw, target, state, same, written)
    reached("finished")
    return found


def unfinished(raw: RawTransaction) -> str:
    """Return what a store is an unfinished copy of; nothing where it is none."""
    state = TableView(TRANSFERS, raw).get(_STATE)
    return "" if state is None or state.done else state.source


def _write(store: Store, function: Callable[[RawTransaction], T]) -> T:
    """Return what a function returns, run in a transaction of the target, once more if undone."""
    while True:
        with suppress(Undone), store.transaction(write=True) as raw:
            return function(raw)  # unless the commit undoes it


def _begun(source: Store, target: Store, raw: RawTransaction) -> TransferState:
    """Record that the target is to be a copy; return from where on it is to be made."""
    serial = raw.id()

    def begin(entries: RawTransaction) -> TransferState:
        known = TableView(TRANSFERS, entries).get(_STATE)
        if known is None and next(entries.keys(b"", _END), None) is not None:
            raise AlreadyExists(
                f"there is a database in {target.place} already",
                hint="name another place, or another database.schema",
            )
        if known is not None and known.source != source.place:
            raise AlreadyExists(
                f"{target.place} holds a copy of {known.source}",
                hint="name another place, or another database.schema",
            )
        if known is not None and known.done and known.done != entries.id() - 1:
            raise AlreadyExists(
                f"the database in {target.place} was used since it was copied from {known.source}",
                hint="name another place, or another database.schema",
            )
        same = known is not None and not known.done and known.serial == serial
        position = known.position if known is not None and same else ""
        state = TransferState(source.place, serial, position)
        entries.delete_range(*_SCHEMA)  # from now on, it is no database
        TableView(TRANSFERS, entries)[_STATE] = state
        return state

    return _write(target, begin)


def _copy(
    raw: RawTransaction,
    target: Store,
    state: TransferState,
    track: Track,
    total: int,
    reached: Callable[[str], None],
) -> int:
    """Bring along what the target lacks or has otherwise; return how many entries that were."""
    low = bytes.fromhex(state.position)
    ahead = raw.count(b"", low) if low else 0
    left = iter(track("Copying entries", _entries(raw, low), total - ahead))
    count = 0
    while low < _END:
        wanted = dict(_window(left))
        high = max(wanted) + b"\0" if wanted else _END
        progress = state._replace(position=high.hex())

        def put(
            entries: RawTransaction,
            low: bytes = low,
            high: bytes = high,
            wanted: dict[bytes, bytes] = wanted,
            progress: TransferState = progress,
        ) -> int:
            there = {key: bytes(value) for key, value in _entries(entries, low, high)}
            gone = there.keys() - wanted.keys()
            changed = [one for one in wanted.items() if there.get(one[0]) != one[1]]
            entries.preload(gone)
            for key in gone:
                entries.delete(key)
            entries.put_many(changed)
            TableView(TRANSFERS, entries)[_STATE] = progress
            return len(gone) + len(changed)

        count += _write(target, put)
        reached(f"up to {high.hex()}")
        low = high
    return count


def _window(entries: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Yield as many entries as one transaction may have."""
    size = 0
    for key, value in islice(entries, _MOST):
        yield bytes(key), bytes(value)
        size += len(value)
        if size >= _LARGE:
            return


def _entries(
    raw: RawTransaction, low: bytes = b"", high: bytes = _END
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries of a range, without those that make it a database, and say what it is."""
    for start, stop in _gaps(low, high):
        yield from raw.items(start, stop)


def _gaps(low: bytes, high: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield what of a range is outside of the tables that are treated apart."""
    for first, last in sorted((_SCHEMA, _OWN)):
        if low < first:
            yield low, min(first, high)
        low = max(low, last)
        if low >= high:
            return
    yield low, high


class _Digest:
    """The count and the hash of entries, in their order."""

    def __init__(self) -> None:
        self.count = 0
        self._hash = blake2b(digest_size=32)

    def feed(self, entries: Entries) -> None:
        update = self._hash.update
        for key, value in entries:
            update(b"%d %d " % (len(key), len(value)))
            update(key)
            update(value)
            self.count += 1

    def fork(self) -> _Digest:
        other = _Digest()
        other.count, other._hash = self.count, self._hash.copy()
        return other

    @property
    def text(self) -> str:
        return self._hash.hexdigest()


def _compare(raw: RawTransaction, target: Store, track: Track, total: int) -> _Digest | None:
    """Return the digest of the entries, which both sides have; nothing where they differ."""
    ours, theirs = _Digest(), _Digest()
    with target.transaction(write=False) as entries:
        ours.feed(track("Comparing entries", _entries(raw), total))
        theirs.feed(_entries(entries))
    return ours if (ours.count, ours.text) == (theirs.count, theirs.text) else None


def _finish(
    raw: RawTransaction, target: Store, state: TransferState, same: _Digest, written: int
) -> CopiedEntries:
    """Make the target a database: the last step."""
    schema = [(bytes(key), bytes(value)) for key, value in raw.items(*_SCHEMA)]
    wanted = same.fork()
    wanted.feed(schema)

    def finish(entries: RawTransaction) -> None:
        entries.put_many(schema)
        found = same.fork()
        found.feed(entries.items(*_SCHEMA))
        if found.text != wanted.text:
            raise DatabaseError(f"the copy in {target.place} is not what was copied")
        done = state._replace(position="", done=entries.id())
        TableView(TRANSFERS, entries)[_STATE] = done

    _write(target, finish)
    return CopiedEntries(wanted.count, written + len(schema), wanted.text, state.serial)
