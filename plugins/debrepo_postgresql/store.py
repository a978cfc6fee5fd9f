"""The store in PostgreSQL: one writer at a time in all machines, and readers that never wait.

A writer locks the only row of a table before it reads, as LMDB has a lock: writers that all change
the state of one archive would otherwise only undo each other. Each reader sees a snapshot.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, Self

from debrepo.database.asking import Range
from debrepo.database.copying import fill
from debrepo.database.store import SharedStore
from debrepo.errors import DatabaseError
from debrepo_postgresql.address import DatabaseAddress, parse
from debrepo_postgresql.connections import Connections
from debrepo_postgresql.failures import Unmet
from debrepo_postgresql.lease_statements import LeaseStatements
from debrepo_postgresql.leases import LeasedTransaction, RowLeases
from debrepo_postgresql.opening import SchemaOpening
from debrepo_postgresql.server import PostgresqlServer, SeenState
from debrepo_postgresql.statements import read_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from debrepo.database.asking import Steady
    from debrepo.database.far import FarTransaction

_END = b"\xff" * 512  # behind every key
_STEADY = 2.0  # seconds for which one piece of work goes on with what it has seen
_LATELY = 1.0  # seconds for which that is good enough for others


class PostgresqlStore(SharedStore):
    """The tables in one schema of PostgreSQL, for all threads of a process."""

    shared: ClassVar[bool] = True

    def __init__(
        self,
        address: DatabaseAddress,
        options: Mapping[str, Any],
        *,
        root: Path,
        read_only: bool = False,
    ) -> None:
        self.place = address.shown
        self.writer: int | None = None
        self.writes = 0
        self.seconds_written = 0.0
        self._for_reading = read_only
        self._connections = Connections(
            address, kept=options["connections"], patience=float(options["reconnect"])
        )
        self._opening = SchemaOpening(
            self._connections,
            address,
            timeout=options["transaction_timeout"],
            read_only=read_only,
        )
        self._leases = RowLeases(
            self._connections,
            LeaseStatements(self._opening.statements.schema),
            seconds=options["lease_seconds"],
            root=root,
        )
        self._turn = Lock()  # one writer of this process at a time queues for the row's lock
        self._seen: list[SeenState] = []  # what transactions that are over have seen
        self._lenders: set[Steady] = set()  # work under way that has seen something
        self._recalling = Lock()
        self._pid = os.getpid()
        self._closed = False

    @classmethod
    def open(cls, url: str, options: Mapping[str, Any], root: Path, *, read_only: bool) -> Self:
        return cls(parse(url, options, root), options, root=root, read_only=read_only)

    @property
    def read_only(self) -> str:  # type: ignore[override]  # the server says so
        return self._opening.read_only

    @property
    def round_trips(self) -> int:  # type: ignore[override]  # they are counted elsewhere
        return self._connections.round_trips

    @contextmanager
    def transaction(
        self, *, write: bool, ahead: Sequence[bytes | Range] = (), steady: Steady | None = None
    ) -> Iterator[FarTransaction]:
        self._check_alive()
        if write and self._for_reading:
            raise DatabaseError(f"cannot write to the database: {self.read_only}")
        if not write:
            with self._transaction(ahead, steady, write=False) as txn:
                yield txn
            return
        with self._turn:
            begun = time.monotonic()
            try:
                with self._transaction(ahead, steady, write=True) as txn:
                    yield txn
            finally:
                self.writes += 1
                self.seconds_written += time.monotonic() - begun

    @contextmanager
    def _transaction(
        self, ahead: Sequence[bytes | Range], steady: Steady | None, *, write: bool
    ) -> Iterator[FarTransaction]:
        seen, fixed, steady = self._recalled(steady)
        server = PostgresqlServer(self._opening, seen, write=write, fixed=fixed)
        keys = [one for one in ahead if isinstance(one, bytes)]
        ranges = [one for one in ahead if isinstance(one, Range)]
        txn = LeasedTransaction(
            server, seen.known, keys=keys, ahead=ranges, begun=fixed, write=write
        )
        keep = False
        try:
            yield txn
            if txn.is_changed:
                txn.committed(server.commit(txn.changes, self._leases.guards(txn.leases)))
            if (txn.begun and not fixed) or txn.is_changed:
                seen.at = time.monotonic()
            keep = steady is not None and not steady.lately and not write
        except Unmet:
            server.end()  # or who looks what has become of a lease would wait for it
            raise self._leases.lost_of(txn.leases) from None
        finally:
            server.end(keep=keep)
        self._keep(seen, steady)

    def _recalled(self, steady: Steady | None) -> tuple[SeenState, bool, Steady | None]:
        """Return what a transaction begins with, whether it may go by that, and whose it is.

        Who wants to know what was seen lately borrows it from work that is under way.
        """
        seen: SeenState | None = None
        with self._recalling:
            lately = steady is not None and steady.lately
            if lately and not self._seen:
                steady = next((one for one in self._lenders if one.kept is not None), steady)
            if steady is not None:
                seen, steady.kept = steady.kept, None
            patience = _LATELY if lately or seen is None else _STEADY
            fixed = lately or seen is not None
            if seen is None:
                seen = self._seen.pop() if self._seen else SeenState()
        age = time.monotonic() - seen.at
        if fixed and seen.token is not None and age < patience and not seen.known.is_full:
            return seen, True, steady
        self._end_snapshot(seen)
        if seen.known.is_full:
            seen.clear()
        return seen, False, steady

    def _keep(self, seen: SeenState, steady: Steady | None) -> None:
        """Keep what a transaction has seen, for the work that it is part of, or for all."""
        with self._recalling:
            if steady is not None and not steady.lately and steady.kept is None:
                steady.kept = seen
                self._lenders.add(steady)
                return
            if not seen.snapshot and not self._seen:
                self._seen.append(seen)  # the latest of one thread is what a command goes on with
                return
        self._end_snapshot(seen)

    def _end_snapshot(self, seen: SeenState) -> None:
        snapshot, seen.snapshot = seen.snapshot, None
        if snapshot is not None:
            self._connections.give_back(snapshot, [(self._opening.statements.rollback, None)])

    def release(self, steady: Steady) -> None:
        if os.getpid() != self._pid:  # the connection is the parent's
            return
        with self._recalling:
            seen, steady.kept = steady.kept, None
            self._lenders.discard(steady)
        if seen is not None:
            self._end_snapshot(seen)
            self._keep(seen, None)

    def is_inside(self) -> bool:
        return False  # a reader is in nobody's way

    def trim(self) -> None:
        """Do nothing: what is kept has an upper limit."""

    def copy(self, directory: Path, *, compact: bool) -> None:
        self.copy_entries(directory)

    def copy_entries(self, directory: Path) -> int:
        with self.transaction(write=False) as txn:
            return fill(directory, txn.items(b"", _END))

    def serial(self) -> int | None:
        self._check_alive()
        question = [(self._opening.statements.state, None)]
        try:
            connection, (state,) = self._connections.begin(question, patience=0.0)
        except Exception:  # whatever is wrong, who works with it is told
            return None
        self._connections.give_back(connection)
        return read_number(state.get_value(0, 0)) if state.ntuples else None

    def stats(self) -> dict[str, Any]:
        entries = f"{self._opening.statements.schema}.entries"
        size = self._opening.ask("SELECT pg_total_relation_size($1::text::regclass)::text", entries)
        return {
            "path": self.place,
            "bytes": int((size or ["0"])[0] or 0),
            "serial": self.serial(),
            "read_only": self.read_only,
            "round_trips": self.round_trips,
        }

    def remarks(self) -> list[str]:
        return [
            f"{name} is off at the server of the database in {self.place}: a crash of its machine"
            " loses or damages what was committed"
            for name in ("fsync", "full_page_writes", "synchronous_commit")
            if self._opening.ask("SELECT current_setting($1)", name) == ["off"]
        ]

    def lease_keeper(self) -> RowLeases | None:
        return None if self._for_reading else self._leases

    def close(self) -> None:
        if os.getpid() != self._pid:  # a child has nothing to close
            return
        self._closed = True
        self._leases.close()
        self._connections.close()

    def _check_alive(self) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError("the database was opened before a fork; open one in each process")
        if self._closed:
            raise RuntimeError("the database is closed")
