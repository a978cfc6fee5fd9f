"""Stores: what holds the entries of a database, and its transactions.

A store keeps bytes under bytes, in the order of the keys; a key has 1 to 511 bytes. LMDB on a disk
of this machine is one, and part of the core; plugins bring those that several machines share.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from debrepo.errors import DatabaseError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Self

    from debrepo.database.asking import Range, Steady
    from debrepo.leases import LeaseKeeper

LONGEST_KEY = 511  #: bytes


def make_root(root: Path) -> None:
    """Create the directory for what a node keeps beside a database that nodes share."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(f"cannot create {root}: {error.strerror}") from error


class RawTransaction(Protocol):
    """A transaction on bytes: what `TableView` builds its mappings on.

    It sees its own changes. A range goes from ``low`` to before ``high``; entries that change
    while it is walked through may or may not be seen.
    """

    far: ClassVar[bool]  #: whether each question takes a round trip to another machine

    @abstractmethod
    def when_begun(self, action: Callable[[], None], /) -> None:
        """Run ``action`` once it has begun: a far one begins when it is first asked something."""

    @abstractmethod
    def get(self, key: bytes, /) -> bytes | None:
        """Return the value under a key, or nothing."""

    @abstractmethod
    def get_many(self, keys: Iterable[bytes], /) -> Iterator[bytes | None]:
        """Yield the values of keys in their order; the keys are asked for some way ahead."""

    @abstractmethod
    def preload(self, keys: Iterable[bytes], ranges: Iterable[Range] = (), /) -> None:
        """Fetch what is about to be read, all at once, where the store is far away."""

    @abstractmethod
    def put(self, key: bytes, value: bytes, /, *, overwrite: bool = True) -> object:
        """Store a value. Raise `InvalidInput` for a key that is empty or too long.

        Without ``overwrite``, the key says what the value is, so one that is there may stay.
        """

    @abstractmethod
    def put_many(self, entries: Iterable[tuple[bytes, bytes]], /) -> None:
        """Store many values, best in the order of keys; of a key given twice the last one stays."""

    @abstractmethod
    def delete(self, key: bytes, /) -> bool:
        """Remove an entry; return whether there was one."""

    @abstractmethod
    def delete_range(self, low: bytes, high: bytes, /) -> None:
        """Remove all entries of a range."""

    @abstractmethod
    def items(
        self, low: bytes, high: bytes, /, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries of a range, in order or from the last one on."""

    @abstractmethod
    def keys(self, low: bytes, high: bytes, /, *, reverse: bool = False) -> Iterator[bytes]:
        """Yield the keys of a range, without reading the values."""

    @abstractmethod
    def count(self, low: bytes, high: bytes, /) -> int:
        """Return how many entries a range has."""

    @abstractmethod
    def id(self) -> int:
        """Return the number of the state that is seen; of a writer, that it will commit."""


class Store(Protocol):
    """What a `Database` keeps its entries in, for all threads of a process.

    Readers see one state and never wait. One writer at a time is let in, of all processes.
    """

    #: Whether other machines than this one may have it open.
    shared: ClassVar[bool]
    place: str  #: where it is, to be shown: without a password
    read_only: str  #: why it cannot be written to; empty when it can
    writer: int | None  #: the thread of this process that is writing; its `Database` says so
    writes: int  #: write transactions of this process so far
    seconds_written: float  #: the time that they kept others from writing
    round_trips: int  #: how often a server was asked and answered; 0 where there is none

    @abstractmethod
    def transaction(
        self, *, write: bool, ahead: Sequence[bytes | Range] = (), steady: Steady | None = None
    ) -> AbstractContextManager[RawTransaction]:
        """Run the block in a transaction, and commit it when it is for writing.

        When the block has been left without an exception, the work is durable. The caller will
        ask for the keys and ranges ``ahead``, so that a store may fetch them as it begins. With
        ``steady``, a reader may see what an earlier transaction with it has seen or committed,
        seconds ago, and a writer may be `Undone` because somebody else has written since. An
        exception that is `Undone` as well says that nothing was changed, and that another try is
        worth it.
        """

    @abstractmethod
    def release(self, steady: Steady) -> None:
        """Free what a piece of work has kept, which is over."""

    @abstractmethod
    def is_inside(self) -> bool:
        """Whether another transaction of this thread is in the way of one that writes."""

    @abstractmethod
    def trim(self) -> None:
        """Free the memory of what was read so far, as far as the store keeps it."""

    @abstractmethod
    def copy(self, directory: Path, *, compact: bool) -> None:
        """Copy the state of this moment durably into an LMDB database in an empty directory."""

    @abstractmethod
    def copy_entries(self, directory: Path) -> int:
        """Do what `copy` does, entry by entry; return how many there were."""

    @abstractmethod
    def serial(self) -> int | None:
        """Return the number of the last committed state; ``None`` where that takes waiting."""

    @abstractmethod
    def stats(self) -> dict[str, Any]:
        """Return at least ``bytes``, ``serial``, ``path`` (the place) and ``read_only``."""

    @abstractmethod
    def remarks(self) -> list[str]:
        """Return what is wrong with the place: that its commits are not durable, for instance."""

    @abstractmethod
    def lease_keeper(self) -> LeaseKeeper | None:
        """Return what keeps the leases; ``None``: files below the root do."""

    @abstractmethod
    def close(self) -> None:
        """Close it, when the other threads have ended their transactions."""


class SharedStore(Store, Protocol):
    """A store that plugins bring, by the hook ``debrepo_databases``.

    It subclasses this, and runs `debrepo.testing.DatabaseContract` in its own tests.
    """

    @classmethod
    @abstractmethod
    def open(cls, url: str, options: Mapping[str, Any], root: Path, *, read_only: bool) -> Self:
        """Open what ``database.url`` names, and create it where there is none yet.

        ``options`` are the settings below ``database``, with defaults filled in; ``root`` is
        debrepo's root directory.
        """


def scheme_of(url: str) -> str:
    """Return the scheme of what ``database.url`` names."""
    scheme, mark, _ = url.partition("://")
    if not mark:  # it is not shown: it may be a password in the wrong place
        raise InvalidInput(
            "database.url is no URL", hint="it is like postgresql://USER@HOST/DATABASE"
        )
    return scheme.lower()
