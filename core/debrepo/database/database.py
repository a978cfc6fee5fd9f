"""The database below a root, and its transactions."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from copy import copy
from errno import ENOTDIR
from functools import partial
from pathlib import PurePath
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from debrepo import durable
from debrepo.database.asking import Steady
from debrepo.database.environment import Environment
from debrepo.database.failures import Undone
from debrepo.database.opening import fsync
from debrepo.database.schema import STAMP, Schema
from debrepo.database.tables import bytes_table
from debrepo.database.together import GroupedWork, Together
from debrepo.database.transaction import Transaction
from debrepo.database.transfers import transfer, untracked
from debrepo.errors import AlreadyExists, DatabaseError, cannot_write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from debrepo.database.asking import Range
    from debrepo.database.store import RawTransaction, Store
    from debrepo.database.transfers import CopiedEntries, Track
    from debrepo.leases import LeaseKeeper
    from debrepo.refs import TableRef

T = TypeVar("T")

MAP_SIZE = 64 << 30  # address space, not disk: the file grows with its content
_COPY_SIZE = 1 << 30  # of a copy to begin with


def taken(target: Path) -> AlreadyExists:
    """Return what to raise where a copy would replace something."""
    return AlreadyExists(f"{target} exists already", hint="name a directory that does not")


class Database:
    """The package database below one root, for all threads of a process.

    Any number of processes may have it open. Opening it migrates the tables whose records
    are older than ``tables`` says, and refuses newer ones. Where it cannot be written to, it
    opens for reading, and `write` says why. It must not be carried across a fork.

    It is in LMDB, in the directory ``path``, unless there is a ``store`` that holds it.
    """

    def __init__(
        self,
        path: Path,
        tables: Iterable[TableRef],
        *,
        map_size: int = MAP_SIZE,
        read_only: bool = False,
        store: Store | None = None,
    ) -> None:
        self._before_commit: Callable[[Transaction], None] | None = None
        self._store: Store = store or Environment(path, map_size, read_only=read_only)
        self._schema = Schema(self._store.place, tables)
        self._ahead: tuple[bytes | Range, ...] = (STAMP, *self._schema.ahead)
        self._steady: Steady | None = None
        self._opening: list[Steady] = []  # what was seen then, for the transaction that follows
        self._together = Together(self._attempt_raw)
        try:
            self._migrate()
        except BaseException:
            self.close()
            raise

    def watched(self, before_commit: Callable[[Transaction], None]) -> Database:
        """Return the same database, where each write transaction ends with ``before_commit``."""
        other = copy(self)
        other._before_commit = before_commit  # noqa: SLF001  # of this class
        return other

    @contextmanager
    def steady(self) -> Iterator[Steady]:
        """Yield what makes transactions go on with what the ones before have seen; see `seen`."""
        steady = Steady()
        try:
            yield steady
        finally:
            self._store.release(steady)

    def seen(self, steady: Steady) -> Database:
        """Return the same database for work under a lease, which may see it as of seconds ago.

        Its own changes apart. A database far away need not be asked again then for what was read;
        what is decided is decided in transactions that write, by what is there.
        """
        other = copy(self)
        other._steady = steady  # noqa: SLF001  # of this class
        other._together = Together(other._attempt_raw)  # noqa: SLF001
        return other

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """See the database as it is now, whatever writers do meanwhile."""
        opening = self._opening.pop() if self._opening else None
        steady = self._steady or opening
        try:
            with self._store.transaction(write=False, ahead=self._ahead, steady=steady) as raw:
                raw.when_begun(partial(self._check, raw))
                yield self._transaction(raw, writable=False)
        finally:
            if opening:
                self._store.release(opening)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Change the database: commit at the end of the block, roll back on an exception.

        A block that turns out too large for the memory map is rolled back, and the map made
        larger for the next one; one that loses its server is rolled back as well. `update` does
        the work again by itself.
        """
        begun: Transaction | None = None
        try:
            with self._attempt() as txn:
                begun = txn
                yield txn
        except BaseException:
            if begun is not None:
                begun.run_actions(committed=False)
            raise
        self.look_again()
        txn.run_actions()

    def look_again(self) -> None:
        """See the database as it is now, from here on, also where it is `seen` as it was."""
        if self._steady is not None:
            self._store.release(self._steady)

    @contextmanager
    def glance(self) -> Iterator[Transaction]:
        """See the database as it is, or was when this process saw it, less than a second ago.

        That is enough to tell whether there is something to do that does not hurry.
        """
        steady = Steady(lately=True)
        try:
            with self.seen(steady).read() as txn:
                yield txn
        finally:
            self._store.release(steady)

    def update(self, function: Callable[[Transaction], T]) -> T:
        """Return what ``function`` returns, run in a write transaction.

        It may be run more than once, each time on a fresh transaction, and in another thread,
        so it must not count on what it left elsewhere. Large changes are best written so.
        What several threads ask for at the same time is committed at once.
        """
        begun: Transaction | None = None

        def work(raw: RawTransaction) -> tuple[Transaction, T]:
            nonlocal begun
            txn = begun = self._transaction(raw, writable=True)
            result = function(txn)
            if self._before_commit:
                self._before_commit(txn)
            return txn, result

        self._refuse_second()
        change = GroupedWork(work)
        inside = self._store.is_inside()  # who waits for this thread must not do its work
        try:
            (Together(self._attempt_raw) if inside else self._together).make(change)
        except BaseException:
            if begun is not None:
                begun.run_actions(committed=False)
            raise
        assert change.txn is not None
        change.txn.run_actions()
        found: T = change.result
        return found

    def backup(self, target: Path, *, compact: bool = True) -> None:
        """Copy the database into the new directory ``target``, as it is at this moment.

        Others may write meanwhile. The copy is a database, in LMDB wherever this one is: it is
        restored by putting it in the place of ``db`` below a root. ``compact`` leaves out the
        pages not in use.
        """
        with self._new_directory(target) as partial:
            self._store.copy(partial, compact=compact)

    def copy(
        self,
        target: Path | Store,
        *,
        track: Track = untracked,
        reached: Callable[[str], None] = lambda _: None,
    ) -> CopiedEntries:
        """Copy each entry into another store, or into a database in the new directory ``target``.

        What is interrupted goes on the next time; see `transfers`. Unlike a backup, a directory is
        in the format of LMDB 0.9, whatever this one is in.
        """
        if not isinstance(target, PurePath):
            return transfer(self._store, target, track=track, reached=reached)
        partial = target.with_name(f".{target.name}.copying")
        try:
            if target.exists():
                raise taken(target)
            environment = Environment(partial, _COPY_SIZE, read_only=False)
            try:
                found = transfer(self._store, environment, track=track, reached=reached)
            finally:
                environment.close()
            (partial / "lock.mdb").unlink()
            fsync(partial)
            partial.rename(target)
            fsync(target.parent)
        except OSError as error:
            raise cannot_write(target, error) from error
        return found

    @contextmanager
    def _new_directory(self, target: Path) -> Iterator[Path]:
        """Yield a directory for a database, which becomes ``target`` when the block succeeds."""
        try:
            if target.exists():
                raise taken(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            with durable.scratch(target.parent, f".{target.name}.") as work:
                partial = work / "db"
                partial.mkdir()
                yield partial
                partial.rename(target)
                fsync(target.parent)
        except FileExistsError as error:  # a file is where the directory around it would be
            raise cannot_write(target, NotADirectoryError(ENOTDIR, "")) from error
        except OSError as error:
            raise cannot_write(target, error) from error

    def stats(self) -> dict[str, Any]:
        """Return sizes in bytes, and the number of entries of each declared table.

        Counting walks every key.
        """
        with self.read() as txn:
            entries = {name: len(txn[bytes_table(name)]) for name in sorted(self._schema.declared)}
        return {**self._store.stats(), "tables": entries}

    @property
    def written(self) -> tuple[int, float]:
        """How often this process has written, and for how many seconds it held the write lock."""
        return self._store.writes, self._store.seconds_written

    def serial(self) -> int | None:
        """Return the number of the last state that was committed, by whatever process.

        Nothing is waited for: ``None`` says that it cannot be had at once.
        """
        return self._store.serial()

    @property
    def place(self) -> str:
        """Where it is: a directory, or a URL without what is secret in it."""
        return self._store.place

    @property
    def shared(self) -> bool:
        """Whether other machines than this one may have it open."""
        return self._store.shared

    @property
    def round_trips(self) -> int:
        """How often this process has asked a server, and waited for its answer."""
        return self._store.round_trips

    def remarks(self) -> list[str]:
        """Return what is wrong with where the database is, such as a setting of its server."""
        return self._store.remarks()

    def lease_keeper(self) -> LeaseKeeper | None:
        """Return what keeps the leases; ``None``: files below the root do."""
        return self._store.lease_keeper()

    def close(self) -> None:
        """Close the database, when the other threads have ended their transactions."""
        self._end_opening()
        self._store.close()

    def _end_opening(self) -> None:
        while self._opening:
            self._store.release(self._opening.pop())

    @contextmanager
    def _attempt(self, *, migrating: bool = False) -> Iterator[Transaction]:
        """Run the block in a write transaction; raise `Undone` where another try is worth it."""
        with self._attempt_raw(migrating=migrating, again=False) as raw:
            txn = self._transaction(raw, writable=True)
            yield txn
            if self._before_commit and not migrating:
                self._before_commit(txn)

    @contextmanager
    def _attempt_raw(
        self, *, migrating: bool = False, again: bool = True
    ) -> Iterator[RawTransaction]:
        """Run the block in a raw transaction; ``again``: it is run once more if need be."""
        self._refuse_second()
        self._end_opening()
        steady = self._steady if again else None
        with self._store.transaction(write=True, ahead=self._ahead, steady=steady) as raw:
            self._store.writer = get_ident()
            try:
                if not migrating:
                    raw.when_begun(partial(self._check_and_record, raw))
                yield raw
                if raw.far:
                    raw.id()  # one that has asked nothing is checked now
            finally:
                self._store.writer = None

    def _refuse_second(self) -> None:
        if self._store.writer == get_ident():  # it would wait for itself, forever
            raise RuntimeError("a write transaction is open already; pass it down instead")

    def _transaction(self, raw: RawTransaction, *, writable: bool) -> Transaction:
        declared, trim = self._schema.declared, self._store.trim
        return Transaction(raw, declared, writable=writable, trim=trim)

    def _check(self, raw: RawTransaction) -> None:
        """Raise `DatabaseError` when another process has migrated the tables meanwhile."""
        if not self._schema.is_current(raw) and self._schema.outdated(raw):
            raise DatabaseError(
                f"the database in {self._store.place} has to be migrated", hint="restart debrepo"
            )

    def _check_and_record(self, raw: RawTransaction) -> None:
        self._check(raw)
        self._schema.record(raw)

    def _migrate(self) -> None:
        """Look at what the database says of the tables, and lift those that are older."""
        seen = Steady()
        with self._store.transaction(write=False, ahead=self._ahead, steady=seen) as raw:
            older = self._schema.outdated(raw)
        if not older:
            self._opening.append(seen)
            return
        self._store.release(seen)
        if self._store.read_only:
            raise DatabaseError(
                f"the database in {self._store.place} is of an older debrepo ({', '.join(older)}), "
                f"and cannot be migrated: {self._store.read_only}",
                hint="run debrepo once as a user who may write to it",
            )
        while True:
            with suppress(Undone):
                with self._attempt(migrating=True) as txn:
                    self._schema.migrate(txn)
                return
