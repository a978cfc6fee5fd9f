"""Sharing tasks: what the servers of one database tell each other of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput, PluginError
from debrepo.refs import Ref
from debrepo_server import records
from debrepo_server.node import title
from debrepo_server.outcomes import CANCELLED, NOT_BEGUN, STOPPED, failed
from debrepo_server.records import OPEN, RUNNING, TASKS, WAITING, TaskRecord
from debrepo_server.running import Running, job_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo_server.node import ServerNode
    from debrepo_server.records import OpenTask
    from debrepo_server.runner import Runner

_log = logging.getLogger("debrepo.tasks")


class TaskNews(NamedTuple):
    """A task that others do not know as it is now."""

    task: Running
    record: TaskRecord


class TaskSharing:
    """The tasks of one server, as others see them; and those that it takes from others.

    A task whose client waits for the result is stored when it has run for a second, so that it
    can be seen and cancelled everywhere, and deleted when it has ended.
    """

    def __init__(self, session: Session, runner: Runner, node: ServerNode) -> None:
        self._session = session
        self._runner = runner
        self._node = node
        self._news: list[TaskNews] = []
        self._stored: list[tuple[Running, TaskRecord | None]] = []
        self._waited: frozenset[int] = frozenset()  # tasks of others that no server has begun

    def news(self) -> Callable[[Transaction], None] | None:
        """Return what stores how far the tasks of this server are."""
        live = self._runner.queue.live()
        if not live or not self._node.has_company():
            return None
        self._news = [TaskNews(task, task.now()) for task in live if task.is_news()]
        return self._write if self._news else None

    def _write(self, txn: Transaction) -> None:
        self._stored = [(task, self._stored_as(txn, task, now)) for task, now in self._news]

    def _stored_as(self, txn: Transaction, task: Running, now: TaskRecord) -> TaskRecord | None:
        if not task.stored:
            shown = now._replace(arguments=None, resumable=False, resources=(), state=RUNNING)
            return records.add(txn, shown, waited=True)
        return records.change(
            txn,
            now.id,
            self._node.server,
            lambda record: record._replace(output=now.output, detail=now.detail),
        )

    def told(self) -> None:
        """Note what is stored; a task that another server has taken over is stopped here."""
        for (task, now), (_, record) in zip(self._news, self._stored, strict=True):
            if record is None:
                task.watch.stop("another server has taken over this task")
            elif not task.store_as(record, now):  # it has ended meanwhile
                self._session.db.update(lambda txn, n=record.id: records.discard(txn, n))  # type: ignore[misc]

    def hear(self) -> None:
        """Cancel, begin and take over tasks, by what others have stored."""
        self._node.renew()
        self._runner.store_again()
        live = self._runner.live()  # before what is read, which knows all of these
        with self._session.db.read() as txn:
            rows = dict(txn[OPEN].items())
        self._heed(live, rows)
        foreign = {n: row for n, row in rows.items() if row.server != self._node.server}
        if not foreign:
            self._waited = frozenset()
            return
        alive = self._node.alive()
        self._adopt({n: row for n, row in foreign.items() if row.server not in alive})
        waiting = frozenset(
            number
            for number, row in foreign.items()
            if row.server in alive and row.movable and not row.running
        )
        if (old := waiting & self._waited) and self._runner.queue.has_spare():
            self._take(min(old), rows[min(old)].server)
        self._waited = waiting

    def _heed(self, live: Collection[Running], rows: Mapping[int, OpenTask]) -> None:
        for task in live:
            row = rows.get(task.record.id) if task.stored else None
            mine = row is not None and row.server == self._node.server
            if row is not None and mine and row.cancelled:
                task.watch.stop(*CANCELLED)
            if task.durable and not mine:
                self._runner.queue.drop(task)
        self._runner.queue.unblock(live, rows.keys())

    def resume(self) -> None:
        """Store again which tasks are open, as older versions did not, and take over the dead's."""
        with self._session.db.read() as txn:
            left = [record.id for record in txn[TASKS].values() if not record.ended]
            unknown = [number for number in left if number not in txn[OPEN]]
        if unknown:
            self._session.db.update(lambda txn: _open_again(txn, unknown))
        self.hear()

    def _adopt(self, dead: Mapping[int, OpenTask]) -> None:
        """Take over tasks of servers that have died."""

        def adopt(txn: Transaction) -> list[tuple[TaskRecord, frozenset[int]]]:
            taken = []
            for number, row in dead.items():
                record = txn[TASKS].get(number)
                if record is None or record.ended:
                    txn[OPEN].discard(number)
                elif record.server == row.server:  # else another server was faster
                    cancelled = txn[OPEN].get(number, row).cancelled
                    mine = _taken_over(record, self._node.server, cancelled=cancelled)
                    records.put(txn, mine)
                    if mine.state == WAITING:
                        taken.append((mine, records.before(txn, mine)))
            return taken

        if dead:
            for record, before in self._session.db.update(adopt):
                _log.info("task %s (%s) is taken over", record.id, record.name)
                self._enqueue(record, before)

    def _take(self, number: int, server: str) -> None:
        """Take a task for which its server has no room."""

        def take(txn: Transaction) -> tuple[TaskRecord, frozenset[int]] | None:
            record = txn[TASKS].get(number)
            if record is None or record.state != WAITING or record.server != server:
                return None
            mine = record._replace(server=self._node.server)
            before = records.before(txn, mine)
            if before:  # it would wait here as well
                return None
            records.put(txn, mine)
            return mine, before

        taken = self._session.db.update(take)
        if taken is not None:
            self._enqueue(*taken)

    def _enqueue(self, record: TaskRecord, before: frozenset[int]) -> None:
        self._runner.queue.add(Running(record, job_of(record), durable=True, blockers=before))

    def cancel(self, number: int) -> TaskRecord:
        """Cancel a task of another server: at once if it is waiting, else that server does."""

        def cancel(txn: Transaction) -> TaskRecord:
            record = records.get(txn, number)
            row = txn[OPEN].get(number)
            if record.ended or row is None:
                raise InvalidInput(f"task {record.id} has ended already")
            if record.state != WAITING:
                txn[OPEN][number] = row._replace(cancelled=True)
                return record
            ended = failed(record, NOT_BEGUN, STOPPED)
            records.put(txn, ended)
            return ended

        return self._session.db.update(cancel)


def _open_again(txn: Transaction, numbers: Collection[int]) -> None:
    for number in numbers:
        record = txn[TASKS].get(number)
        if record is not None and not record.ended:
            records.put(txn, record)


def _taken_over(record: TaskRecord, server: str, *, cancelled: bool) -> TaskRecord:
    """Return a task of a server that has died: it waits, or has failed."""
    mine = record._replace(server=server)
    if cancelled:
        return failed(mine, CANCELLED[0], STOPPED)
    if record.arguments is not None and (record.state == WAITING or record.resumable):
        try:
            Ref(record.work).load()
        except PluginError as error:  # stored by another version, or a plugin is missing
            return failed(mine, f"{error}: send the request again", 500)
        return mine._replace(state=WAITING)
    where = f" on {title(record.server)}" if title(record.server) else ""
    said = f"the server{where} that had this task has died"
    if record.state == WAITING:
        return failed(mine, f"{said} before it began: send the request again", STOPPED)
    return failed(mine, f"{said}: check what was done, and repeat the request", STOPPED)
