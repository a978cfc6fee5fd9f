"""Tables: typed mappings, in key order, over the keys that start with a table's name."""

from __future__ import annotations

from collections.abc import (
    Callable,
    ItemsView,
    Iterable,
    Iterator,
    MutableMapping,
    ValuesView,
)
from itertools import tee
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from debrepo.database.asking import Range
from debrepo.errors import DatabaseError, DebrepoError, InvalidInput
from debrepo.fitting import Misfit, fitter
from debrepo.stopping import each
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from debrepo.database.store import RawTransaction
    from debrepo.database.transaction import Transaction

_FEW = 64  # entries that are fetched ahead

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


class Table(NamedTuple, Generic[K, V]):
    """A named table, and how its keys and values become bytes and back.

    Keys are ordered by their bytes. ``migrations[i]`` lifts the records from version
    ``i + 1`` to ``i + 2``, so there is one fewer than versions; it sees the table with its
    old records, and may declare the old record's codec as a `Table` of the same name.
    """

    name: str
    load: Callable[[bytes], V]
    dump: Callable[[V], bytes]
    load_key: Callable[[bytes], K]
    dump_key: Callable[[K], bytes]
    version: int = 1
    migrations: tuple[Callable[[Transaction], None], ...] = ()
    noted: Callable[[V], tuple[str, str]] | None = None  #: see `Transaction.note`


def json_table(
    name: str,
    load: Callable[[dict[str, Any]], V],
    dump: Callable[[V], dict[str, Any]],
    *,
    record: Any = Any,
    version: int = 1,
    migrations: tuple[Callable[[Transaction], None], ...] = (),
    noted: Callable[[V], tuple[str, str]] | None = None,
) -> Table[str, V]:
    """Return a table whose keys are names and whose values are JSON objects.

    The fields are stored in the order in which ``dump`` gives them. ``record`` is the type of
    the values: nothing else is stored, or read. What ``noted`` says of a record, its name and
    its state, is noted for the audit log when the state changes.
    """

    def load_record(data: bytes) -> V:
        from json import loads  # slow to import, and not every command reads a table

        found: V = fitter(record)(load(loads(data)))
        return found

    def dump_record(value: V) -> bytes:
        from json import dumps

        try:
            fields = dump(fitter(record)(value))
        except Misfit as misfit:
            raise InvalidInput(f"this cannot be stored in {name}: {misfit}") from None
        return dumps(fields, separators=(",", ":")).encode()

    return Table(
        name, load_record, dump_record, bytes.decode, str.encode, version, migrations, noted
    )


def bytes_table(
    name: str,
    *,
    version: int = 1,
    migrations: tuple[Callable[[Transaction], None], ...] = (),
) -> Table[bytes, bytes]:
    """Return a table that stores bytes under bytes, as they are."""
    return Table(name, bytes, _as_bytes, bytes, _as_bytes, version, migrations)


def _as_bytes(value: object) -> bytes:
    """Return bytes as they are; `bytes` itself would make some of a number."""
    if type(value) is bytes:  # nearly always
        return value
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise InvalidInput(f"only bytes can be stored here, not a {type(value).__name__}")
    return bytes(value)


class TableView(MutableMapping[K, V]):
    """A table as one transaction sees it: a mapping, in key order.

    Finding, storing and removing a key, and starting to iterate anywhere, cost the same in
    a table of any size; ``len`` and ``clear`` walk the whole table. Keys that are put or
    removed during an iteration may or may not be seen by it: take a list first.
    """

    def __init__(self, table: Table[K, V], raw: RawTransaction) -> None:
        self.table = table
        self._raw = raw
        self._prefix = table.name.encode() + b"\0"
        self._end = table.name.encode() + b"\1"
        self._load = table.load
        self._load_key = table.load_key
        self._dump_key = table.dump_key

    def __getitem__(self, key: K) -> V:
        data = self._raw.get(self._prefix + self._dump_key(key))
        if data is None:
            raise KeyError(key)
        return self._read(key, data)

    @overload
    def get(self, key: K, default: None = None, /) -> V | None: ...
    @overload
    def get(self, key: K, default: V, /) -> V: ...
    @overload
    def get(self, key: K, default: T, /) -> V | T: ...
    def get(self, key: K, default: object = None, /) -> object:
        data = self._raw.get(self._prefix + self._dump_key(key))
        return default if data is None else self._read(key, data)

    def preload(self, keys: Iterable[K]) -> None:
        """Fetch what is about to be read in one round trip, if the database is far away."""
        if self._raw.far:
            self._raw.preload(map(self.stored, keys))

    def stored(self, key: K) -> bytes:
        """Return a key as the store has it."""
        return self._prefix + self._dump_key(key)

    def beginning(self, prefix: bytes) -> Range:
        """Return the range of the first few keys that start with ``prefix``, for `preload`."""
        return Range(self._prefix + prefix, self._after(prefix), _FEW)

    def get_many(self, keys: Iterable[K]) -> Iterator[V | None]:
        """Yield the values of keys, in their order, in less time than one by one."""
        prefix, dump_key, read = self._prefix, self._dump_key, self._read
        given, stored = tee(keys)
        found = self._raw.get_many(prefix + dump_key(key) for key in stored)
        for data, key in zip(found, given, strict=False):
            yield None if data is None else read(key, data)

    def _read(self, key: object, data: bytes) -> V:
        try:
            return self._load(data)
        except Exception as error:
            raise self._damaged(key, error) from error

    def _damaged(self, key: object, error: Exception) -> DebrepoError:
        if isinstance(error, DatabaseError):
            return error
        reason = error if isinstance(error, Misfit) else repr(error)
        return DatabaseError(
            f"the record {key!r} of {self.table.name} is damaged: {reason}",
            hint='run "debrepo db check", and put a backup of the database in its place',
        )

    def faults(self) -> Iterator[str]:
        """Yield a line for each record that cannot be read, with its key."""
        skip = len(self._prefix)
        for key, value in self._raw.items(self._prefix, self._end):
            try:
                self._load_key(key[skip:])
                self._load(value)
            except Exception as error:
                yield str(self._damaged(self._spelled(key), error))

    def _spelled(self, key: bytes) -> object:
        """Return a key as it is given, if it can be read."""
        part = bytes(key[len(self._prefix) :])
        try:
            return self._load_key(part)
        except Exception:
            return part

    def __contains__(self, key: object) -> bool:
        return self._raw.get(self._prefix + self._dump_key(key)) is not None  # type: ignore[arg-type]

    def __setitem__(self, key: K, value: V) -> None:
        self._raw.put(self._prefix + self._dump_key(key), self.table.dump(value))

    def put_new(self, key: K, value: V) -> None:
        """Store a value whose key says what it is, unless it is there."""
        self._raw.put(self._prefix + self._dump_key(key), self.table.dump(value), overwrite=False)

    def __delitem__(self, key: K) -> None:
        if not self._raw.delete(self._prefix + self._dump_key(key)):
            raise KeyError(key)

    def discard(self, key: K) -> bool:
        """Remove a key if it is there; return whether it was."""
        return self._raw.delete(self._prefix + self._dump_key(key))

    def put_many(self, items: Iterable[tuple[K, V]]) -> None:
        """Store many items, best in key order; of a key given twice the last value stays."""
        dump, dump_key, prefix = self.table.dump, self._dump_key, self._prefix
        self._raw.put_many((prefix + dump_key(key), dump(value)) for key, value in items)

    def clear(self) -> None:
        self._raw.delete_range(self._prefix, self._end)

    def __iter__(self) -> Iterator[K]:
        return self.range_keys()

    def __reversed__(self) -> Iterator[K]:
        return self.range_keys(reverse=True)

    def __len__(self) -> int:
        return self._raw.count(self._prefix, self._end)

    def __bool__(self) -> bool:
        return next(self._raw.keys(self._prefix, self._end), None) is not None

    def items(self) -> ItemsView[K, V]:
        return _Items(self)

    def values(self) -> ValuesView[V]:
        return _Values(self)

    def first(self) -> tuple[K, V] | None:
        """Return the item with the smallest key, or None from an empty table."""
        return next(self.range(), None)

    def last(self) -> tuple[K, V] | None:
        """Return the item with the greatest key, or None from an empty table."""
        return next(self.range(reverse=True), None)

    def range(
        self, start: K | None = None, stop: K | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[K, V]]:
        """Yield the items from ``start`` to before ``stop``, or these from the last one on."""
        return self._items(*self._bounds(start, stop), reverse=reverse)

    def range_keys(
        self, start: K | None = None, stop: K | None = None, *, reverse: bool = False
    ) -> Iterator[K]:
        """Yield what `range` does, without reading the values."""
        return self._keys(*self._bounds(start, stop), reverse=reverse)

    def prefix(self, prefix: bytes) -> Iterator[tuple[K, V]]:
        """Yield the items whose keys, as bytes, start with ``prefix``."""
        return self._items(self._prefix + prefix, self._after(prefix))

    def prefix_keys(self, prefix: bytes) -> Iterator[K]:
        """Yield what `prefix` does, without reading the values."""
        return self._keys(self._prefix + prefix, self._after(prefix))

    def _after(self, prefix: bytes) -> bytes:
        """Return the smallest key that is greater than all that start with ``prefix``."""
        stem = prefix.rstrip(b"\xff")
        return self._prefix + stem[:-1] + bytes([stem[-1] + 1]) if stem else self._end

    def _bounds(self, start: K | None, stop: K | None) -> tuple[bytes, bytes]:
        low = self._prefix if start is None else self._prefix + self._dump_key(start)
        high = self._end if stop is None else self._prefix + self._dump_key(stop)
        return low, high

    def _items(self, low: bytes, high: bytes, *, reverse: bool = False) -> Iterator[tuple[K, V]]:
        load, load_key, skip = self._load, self._load_key, len(self._prefix)
        for key, value in each(self._raw.items(low, high, reverse=reverse)):
            try:
                item = load_key(key[skip:]), load(value)
            except Exception as error:
                raise self._damaged(self._spelled(key), error) from error
            yield item

    def _keys(self, low: bytes, high: bytes, *, reverse: bool = False) -> Iterator[K]:
        load_key, skip = self._load_key, len(self._prefix)
        for key in each(self._raw.keys(low, high, reverse=reverse)):
            yield load_key(key[skip:])


class NotedView(TableView[K, V]):
    """A table in which each change of a record's state is noted."""

    def __init__(
        self, table: Table[K, V], raw: RawTransaction, note: Callable[[str, str, str], None]
    ) -> None:
        super().__init__(table, raw)
        self._note = note

    def __setitem__(self, key: K, value: V) -> None:
        before = self.get(key)
        super().__setitem__(key, value)
        self._tell(before, value)

    def __delitem__(self, key: K) -> None:
        before = self.get(key)
        super().__delitem__(key)
        self._tell(before, None)

    def discard(self, key: K) -> bool:
        before = self.get(key)
        self._tell(before, None)
        return super().discard(key)

    def _tell(self, before: V | None, after: V | None) -> None:
        noted = self.table.noted
        assert noted is not None
        old = ("", "") if before is None else noted(before)
        new = ("", "") if after is None else noted(after)
        self._note(new[0] or old[0], old[1], new[1])


class _Items(ItemsView[K, V]):
    _mapping: TableView[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return self._mapping.range()  # one walk, where the default looks every key up


class _Values(ValuesView[V]):
    _mapping: TableView[Any, V]

    def __iter__(self) -> Iterator[V]:
        return (value for _, value in self._mapping.range())
