"""The LMDB environment: its transactions, and a memory map that grows under them."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any, ClassVar

import lmdb

from debrepo.database.copying import copy_entries
from debrepo.database.entries import LmdbEntries
from debrepo.database.failures import MapFull, explain
from debrepo.database.filesystem import address_space_left
from debrepo.database.gate import Gate
from debrepo.database.opening import fsync, open_environment, refuse_in_use
from debrepo.database.pages import let_go
from debrepo.errors import DatabaseError, DatabaseFull

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from debrepo.database.asking import Range, Steady


class Environment:
    """One LMDB environment as the threads of a process share it.

    Processes may see maps of different sizes. A map is enlarged before a writer who would
    find little left of it, after one who found too little, and when another process has
    written beyond its end.
    """

    shared: ClassVar[bool] = False
    round_trips = 0

    def __init__(self, path: Path, map_size: int, *, read_only: bool) -> None:
        self._path = path
        self.place = str(path)
        self._pid = os.getpid()
        self._gate = Gate()
        self._turn = Lock()  # one writer of this process at a time queues for LMDB's lock
        opened = open_environment(path, map_size, read_only=read_only)
        self._env = opened.env
        self._locked = opened.locked
        self.writer: int | None = None  #: the thread of this process that is writing
        self.writes = 0  #: write transactions of this process so far
        self.seconds_written = 0.0  #: the time that they held the write lock
        self.read_only = opened.read_only  #: why it cannot be written to; empty when it can
        self._page = int(self._env.stat()["psize"])

    @contextmanager
    def transaction(
        self, *, write: bool, ahead: Sequence[bytes | Range] = (), steady: Steady | None = None
    ) -> Iterator[LmdbEntries]:
        """Run the block in a transaction of LMDB's, and commit it when it is for writing.

        Raise `MapFull` when the map was too small, and has been enlarged for another try.
        """
        with self._transaction(write=write) as raw:
            yield LmdbEntries(raw)

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Any]:
        if write and self.read_only:
            raise DatabaseError(f"cannot write to the database: {self.read_only}")
        thread = get_ident()  # a server may leave the block in another one
        raw = self._begin(thread, write=write)
        begun = time.monotonic()
        size = self._map_size if write else 0
        full = None
        try:
            yield raw
            if write:
                raw.commit()
        except lmdb.MapFullError as error:
            full = error
        except lmdb.Error as error:
            raise explain(error, self._path) from error
        finally:
            raw.abort()  # which does nothing after a commit
            if write:
                self.writes += 1
                self.seconds_written += time.monotonic() - begun
            self._end(thread, write=write)
        if full:
            self._grow(size)
            raise MapFull("the database's map was full", hint="it is larger now; do it again")

    def is_inside(self) -> bool:
        """Whether this thread has a transaction open."""
        return self._gate.is_inside(get_ident())

    def trim(self) -> None:
        """Unmap the pages that were read so far; the caller has a transaction open."""
        let_go(self._path / "data.mdb")

    def copy(self, directory: Path, *, compact: bool) -> None:
        """Copy the environment, as it is at this moment, durably into a directory."""
        self._check_alive()
        thread = get_ident()
        self._gate.enter(thread)
        try:
            self._env.copy(str(directory), compact=compact)
        except lmdb.Error as error:
            raise explain(error, directory) from error
        finally:
            self._gate.leave(thread)
        fsync(directory / "data.mdb")
        fsync(directory)

    def copy_entries(self, directory: Path) -> int:
        """Copy each entry durably into a new environment; return how many there were."""
        try:
            with self._transaction(write=False) as raw, raw.cursor() as cursor:
                count = copy_entries(cursor, directory, self._map_size)
        except lmdb.Error as error:
            raise explain(error, directory) from error
        fsync(directory / "data.mdb")
        fsync(directory)
        return count

    def serial(self) -> int | None:
        """Return the number of the state that readers see; ``None`` where that takes waiting.

        A transaction is asked, because LMDB counts a state before it is durable.
        """
        self._check_alive()
        thread = get_ident()
        if not self._gate.enter_at_once(thread):
            return None
        try:
            raw = self._env.begin()
            number = int(raw.id())
            raw.abort()
        except lmdb.Error:  # the next reader repairs it, or says what is wrong
            return None
        finally:
            self._gate.leave(thread)
        return number

    def stats(self) -> dict[str, Any]:
        """Return sizes in bytes, and the number of the last committed state."""
        self._check_alive()
        info = self._env.info()
        return {
            "path": str(self._path),
            "bytes": (self._path / "data.mdb").stat().st_size,
            "map_size": info["map_size"],
            "serial": info["last_txnid"],
            "read_only": self.read_only,
        }

    def remarks(self) -> list[str]:
        """Return what is wrong with the place: nothing, or it would not have been opened."""
        return []

    def release(self, steady: Steady) -> None:
        """Do nothing: a transaction begins in no time."""

    def lease_keeper(self) -> None:
        """Leave leases to files below the root."""
        return

    def close(self) -> None:
        """Close the environment, when the other threads have ended their transactions."""
        if self._env is None or os.getpid() != self._pid:  # a child has nothing to close
            return
        with self._gate.alone(besides=get_ident()):
            self._env.close()
            self._env = None

    @property
    def _map_size(self) -> int:
        return int(self._env.info()["map_size"])

    @property
    def _used(self) -> int:
        return int(self._env.info()["last_pgno"] + 1) * self._page

    def _begin(self, thread: int, *, write: bool) -> Any:
        """Return a transaction of LMDB's, on a map that is as large as the database."""
        self._check_alive()
        if write:
            self._grow_ahead()
        while True:
            if write:
                self._turn.acquire()
            self._gate.enter(thread)
            try:
                return self._begin_raw(write=write)
            except lmdb.MapResizedError:
                self._end(thread, write=write)
            except lmdb.Error as error:
                self._end(thread, write=write)
                raise explain(error, self._path) from error
            except BaseException:
                self._end(thread, write=write)
                raise
            self._adopt()  # with gate and turn free, or the others could not finish

    def _begin_raw(self, *, write: bool) -> Any:
        self._check_alive()
        if not self._locked:
            refuse_in_use(self._path)
        try:
            return self._env.begin(write=write)
        except lmdb.ReadersFullError:
            if not self._env.reader_check():  # no reader has died with its slot taken
                raise
            return self._env.begin(write=write)

    def _end(self, thread: int, *, write: bool) -> None:
        self._gate.leave(thread)
        if write:
            self._turn.release()

    def _check_alive(self) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError("the database was opened before a fork; open one in each process")
        if self._env is None:
            raise RuntimeError("the database is closed")

    def _grow_ahead(self) -> None:
        """Double a map of which less than a quarter is left, when no other transaction is open."""
        if self._used * 4 <= self._map_size * 3:
            return
        with self._gate.alone_at_once() as alone:
            if alone:
                self._enlarge(max(self._map_size, self._used) * 2)

    def _grow(self, size: int) -> None:
        """Double the map that was too small at ``size``, unless another thread has done so."""
        with self._gate.alone():
            if self._map_size <= size and not self._enlarge(size * 2):
                raise DatabaseFull(
                    f"the database in {self._path} needs more address space than is allowed",
                    hint='raise the limit of this process, which "ulimit -v" shows',
                )

    def _adopt(self) -> None:
        """Make the map as large as another process has made the database."""
        with self._gate.alone():
            used = self._used
            enough = used <= self._map_size or self._enlarge(used * 2) or self._enlarge(used)
            if not enough:
                raise DatabaseError(
                    f"the database in {self._path} has outgrown the address space allowed",
                    hint='raise the limit of this process, which "ulimit -v" shows',
                )

    def _enlarge(self, size: int) -> bool:
        """Move the map to one of ``size`` bytes; return whether there was room for it."""
        size = -(-size // self._page) * self._page
        # LMDB gives up the old map first, and would be left without one. Twice the
        # difference, because others need memory too.
        if not address_space_left(2 * (size - self._map_size)):
            return False
        self._env.set_mapsize(size)
        return True
