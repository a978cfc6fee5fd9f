"""Leases as rows: who works on which name, among all nodes that share a database.

A lease has a time, which a thread of its process renews. A node that dies or hangs for longer
loses it: another takes it over, with a higher fence number. What the first one still does is
refused then: its commits check the number, and its writes to storages ask for it.

The processes of one node hold a lease below its root as well. Who has that one may take over the
row that another process of the node has left, which is dead then, without waiting for its time.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

from debrepo import leases
from debrepo.database.far import FarTransaction
from debrepo.errors import DatabaseBusy, DatabaseError, InvalidInput, LeaseLost
from debrepo.leases import Lease
from debrepo.stopping import checkpoint
from debrepo_postgresql.connection import SqlRefused
from debrepo_postgresql.connections import Connections
from debrepo_postgresql.failures import explain
from debrepo_postgresql.statements import number, read_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from debrepo_postgresql.connection import Command
    from debrepo_postgresql.lease_statements import LeaseStatements

_NOBODY = "-"  # instead of the node in the token of a row that no process may take over at once
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.25  # seconds between two looks at a lease
_HINT = "do it again; this node was stopped, or cut off, for longer than database.lease_seconds"


class HeldRow:
    """A lease of this process, as its row has it."""

    def __init__(self, lease: Lease, name: bytes, fence: int, renewed: float) -> None:
        self.lease = lease
        self.name = name  #: as the row has it
        self.fence = fence
        self.renewed = renewed  #: when it was asked for last, with success
        self.lost = False
        self.released = False


# What the work in this context goes by; work that is done for it in another thread has a copy.
_WORK: ContextVar[tuple[HeldRow, ...]] = ContextVar("debrepo_postgresql.leases", default=())


def _current() -> tuple[HeldRow, ...]:
    """Return the leases that the work in this context goes by."""
    return tuple(row for row in _WORK.get() if not row.released)


class LeasedTransaction(FarTransaction):
    """A transaction that notes which leases the work goes by that changes something."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._leases: set[HeldRow] = set()

    @property
    def leases(self) -> list[HeldRow]:
        """Those leases, without the ones that were released meanwhile."""
        return [row for row in self._leases if not row.released]

    def _check(self, key: bytes) -> None:
        super()._check(key)
        if rows := _WORK.get():
            self._leases.update(rows)


class RowLeases:
    """The leases of a database, for the threads of one process."""

    def __init__(
        self,
        connections: Connections,
        statements: LeaseStatements,
        *,
        seconds: float,
        root: Path,
    ) -> None:
        self._connections = connections
        self._sql = statements
        if seconds < 1:
            raise InvalidInput(f"database.lease_seconds is {seconds}, and has to be 1 or more")
        self._seconds = seconds
        self._root = root
        self._changed = Condition()
        self._mine: set[HeldRow] = set()
        self._thread: Thread | None = None
        self._over = False

    @contextmanager
    def hold(
        self,
        name: str,
        *,
        wait: float | None = None,
        note: Callable[[Lease], None] | None = None,
    ) -> Iterator[Lease]:
        """Hold the lease on ``name`` while the block runs; see `debrepo.leases.LeaseKeeper`.

        What the block writes is refused when the lease is lost, wherever that goes through a
        transaction or a storage.
        """
        pid, begun, told = os.getpid(), time.monotonic(), list[Lease]()

        def once(holder: Lease) -> None:
            if note and not told:
                note(holder)
            told.append(holder)

        with ExitStack() as stack:
            alone = self._is_alone_here(stack, name, wait, once)
            left = None if wait is None else max(begun + wait - time.monotonic(), 0.0)
            row = self._take(name, left, once, alone=alone)
            _WORK.set((*_current(), row))
            try:
                yield row.lease
            finally:
                _WORK.set(tuple(one for one in _current() if one is not row))
                if os.getpid() == pid:  # not in a child that was forked inside the block
                    self._release(row)

    def held(self) -> list[Lease]:
        """Return the leases that somebody holds at this moment, by name.

        Rows that processes of this node have left are not among them.
        """
        result = self._ask((self._sql.held, ()))
        alive = {lease.what for lease in leases.held(self._root)}
        ours = _identity(self._root).encode()
        found = ((_lease(result, row), result.get_value(row, 6)) for row in range(result.ntuples))
        return [lease for lease, whose in found if whose != ours or lease.what in alive]

    def check(self) -> None:
        """Raise `LeaseLost` unless what this work holds is still held.

        That costs nothing for a while after it was renewed; then the database is asked.
        """
        rows = _current()
        if any(row.lost or _now() - row.renewed > self._seconds / 3 for row in rows):
            try:
                self._renew(rows)
            except DatabaseError as error:
                late = [row for row in rows if _now() - row.renewed > self._seconds]
                if late:
                    raise LeaseLost(
                        f"the lease on {late[0].lease.what} has ended: {error}", hint=_HINT
                    ) from error
                raise
        for row in rows:
            if row.lost:
                raise self.lost(row)

    def lost(self, row: HeldRow) -> LeaseLost:
        """Return what to raise for a lease that is lost."""
        holder: Lease | None = None
        with suppress(DatabaseError):
            holder = self._holder(row.name)
        what = str(holder) if holder else "it was taken over, and is free again"
        return LeaseLost(f"this node has lost the lease on {row.lease.what}: {what}", hint=_HINT)

    def guards(self, rows: Sequence[HeldRow]) -> list[Command]:
        """Return what makes a transaction fail unless all these leases are still held.

        They cannot be taken over until it has ended.
        """
        return [(self._sql.fenced(len(rows)), _values(rows))] if rows else []

    def lost_of(self, rows: Sequence[HeldRow]) -> LeaseLost:
        """Return what to raise for a transaction whose guards have failed."""
        with suppress(DatabaseError):
            self._renew(rows)
        return self.lost(next((row for row in rows if row.lost), rows[0]))

    def close(self) -> None:
        """Renew no more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _is_alone_here(
        self, stack: ExitStack, name: str, wait: float | None, note: Callable[[Lease], None]
    ) -> bool:
        """Hold a lease among the processes of this node; give up once its holder may hang."""
        patience = self._seconds if wait is None else min(wait, self._seconds)
        try:
            spelled = _text(name).decode()  # as the row has it
            stack.enter_context(leases.hold(self._root, spelled, wait=patience, note=note))
        except DatabaseBusy:
            if wait == patience:
                raise
            return False
        return True

    def _take(
        self, name: str, wait: float | None, note: Callable[[Lease], None], *, alone: bool
    ) -> HeldRow:
        """Take a lease; wait while another node holds it, or unless ``alone`` this one."""
        spelled = _text(name)
        ours = _identity(self._root) if alone else _NOBODY
        deadline = None if wait is None else time.monotonic() + wait
        pause = _FIRST_PAUSE
        # It tells a row whose answer did not arrive, and what this node may take over.
        token = f"{ours} {os.urandom(8).hex()}"
        while True:
            row = self._try(name, spelled, token)
            if row is not None:
                return row
            holder = self._holder(spelled)
            while holder is not None:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise DatabaseBusy(str(holder), hint="try again when that has finished")
                note(holder)
                checkpoint()
                time.sleep(pause if left is None else min(pause, left))
                pause = min(2 * pause, _LONGEST_PAUSE)
                holder = self._holder(spelled)

    def _try(self, name: str, spelled: bytes, token: str) -> HeldRow | None:
        begun = _now()
        lease = leases.own(name, str(self._root))
        values = (
            *(spelled, _text(lease.owner), _text(lease.host), number(lease.pid)),
            *(_text(lease.node), number(lease.since), token.encode(), self._time()),
            token.partition(" ")[0].encode(),
        )
        result = self._ask((self._sql.take, values))
        if not result.ntuples:
            return None
        row = HeldRow(lease, spelled, read_number(result.get_value(0, 0)), begun)
        with self._changed:
            self._mine.add(row)
            if self._thread is None:
                self._thread = Thread(target=self._keep, name="leases", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return row

    def _holder(self, spelled: bytes) -> Lease | None:
        result = self._ask((self._sql.holder, (spelled,)))
        return _lease(result, 0) if result.ntuples else None

    def _release(self, row: HeldRow) -> None:
        with self._changed:
            row.released = True
            self._mine.discard(row)
        if not row.lost:
            with suppress(DatabaseError):  # it ends by itself
                self._ask((self._sql.release, (row.name, number(row.fence))), patience=0)

    def _keep(self) -> None:
        """Renew what is held, every third of its time, until the keeper is closed.

        That goes through a connection of its own, so that it waits for nobody.
        """
        patience = min(self._seconds / 6, 5)
        connections = Connections(self._connections.address, kept=1, patience=patience)
        not_before = 0.0
        while True:
            with self._changed:
                while not self._over and (left := self._left(not_before)) != 0:
                    self._changed.wait(left)
                held = [row for row in self._mine if not row.lost]
                if self._over:
                    break
            try:
                self._renew(held, connections)
            except Exception:  # what is not renewed in time is found to be lost where it counts
                not_before = _now() + min(1.0, self._seconds / 10)
        connections.close()

    def _left(self, not_before: float) -> float | None:
        """Return the seconds until something has to be renewed; None: nothing is held."""
        due = [row.renewed + self._seconds / 3 for row in self._mine if not row.lost]
        return max(max(min(due), not_before) - _now(), 0.0) if due else None

    def _renew(self, held: Sequence[HeldRow], connections: Connections | None = None) -> None:
        """Renew leases; those that another node has taken over are lost."""
        begun = _now()
        values = (self._time(), *_values(held))
        result = self._ask((self._sql.renew(len(held)), values), connections=connections)
        get = result.get_value
        found = {(get(row, 0), read_number(get(row, 1))) for row in range(result.ntuples)}
        for row in held:
            if (row.name, row.fence) in found:
                row.renewed = begun
            else:
                row.lost = True

    def _ask(
        self,
        command: Command,
        *,
        patience: float | None = None,
        connections: Connections | None = None,
    ) -> Any:
        """Return the result of a statement that is a transaction of its own."""
        through = connections or self._connections
        try:
            connection, (result,) = through.begin([command], patience=patience)
        except SqlRefused as error:
            raise explain(error, through.address.shown) from None
        through.give_back(connection)
        return result

    def _time(self) -> bytes:
        return number(round(self._seconds * 1000))


def _lease(result: Any, row: int) -> Lease:
    what, owner, host, node, pid, since = (result.get_value(row, at) for at in range(6))
    return Lease(
        *(what.decode(), owner.decode(), host.decode(), read_number(pid), read_number(since)),
        node=node.decode(),
    )


def _values(rows: Iterable[HeldRow]) -> list[bytes]:
    return [value for row in rows for value in (row.name, number(row.fence))]


def _identity(root: Path) -> str:
    """Return what no other root has, on whatever machine, until this one starts anew."""
    found = root.stat()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{found.st_dev}:{found.st_ino}"


def _now() -> float:
    """Return the seconds since the machine started, those in which it slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _text(text: str) -> bytes:
    """Return a text as a database can have it."""
    return text.replace("\0", "\\0").encode(errors="backslashreplace")
