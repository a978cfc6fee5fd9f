"""The runner: runs the tasks of a server, and tells of those of all servers."""

from __future__ import annotations

import asyncio
import logging
import threading
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from starlette.concurrency import run_in_threadpool

from debrepo.errors import DebrepoError, InvalidInput
from debrepo.http import Answer, Cancelled, Job
from debrepo.http.read_limits import begin
from debrepo.stopping import checkpoint, current, watching
from debrepo_server import records
from debrepo_server.node import ServerNode
from debrepo_server.outcomes import CANCELLED, NOT_BEGUN, accepted, ended, result
from debrepo_server.records import OPEN, RUNNING, TASKS, TaskRecord
from debrepo_server.running import Running, look, record_of
from debrepo_server.sharing import TaskSharing
from debrepo_server.task_queue import HALTED, MOVED, TaskQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from fastapi import Response

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo.stopping import Watch

T = TypeVar("T")

_LOOK = 0.5  # seconds between two looks at a task of another server

_log = logging.getLogger("debrepo.tasks")


class Runner:
    """The tasks of one server, and what it can tell of those of others.

    A task is stored before the client gets its number; one whose client waits for the result
    is kept in memory only, until it has run for a second and there are other servers.
    """

    def __init__(self, session: Session, workers: int = 4, readers: int = 4) -> None:
        self._session = session
        self.node = ServerNode(session)
        self.queue = TaskQueue(workers, readers, self._execute)
        self.sharing = TaskSharing(session, self, self.node)
        self._unstored: list[Running] = []  # whose outcome could not be stored yet
        self._storing = threading.Lock()

    @property
    def turns(self) -> int:
        """A number that changes when a task is added, starts or ends."""
        return self.queue.turns

    def start(self) -> None:
        """Resume the tasks that an earlier server did not finish."""
        self.node.start()
        with self._session.db.read() as txn:
            self.queue.heard_of(txn[records.COUNTERS].get("tasks", 0))
        self.sharing.resume()

    def stop(self) -> None:
        """Wait for running tasks; waiting ones are stored for the next server."""
        self.queue.close()
        self.queue.wait_for_running()
        self.node.stop()

    def halt(self) -> list[str]:
        """Cancel the running tasks; return their names."""
        self.queue.close()
        running = self.queue.running()
        for task in running:
            task.watch.stop(*HALTED)
        return [task.record.name for task in running]

    async def answer(self, job: Job, patience: float | None) -> Response:
        """Do a job; see `debrepo.http.Tasks`."""
        if patience is None:
            # A read is cancelled with its request; a change has a watch of its own.
            watch = current() if job.reads else None
            blockers = await self.ask(self._blockers, job)
            task = self.queue.add(self._number(job, watch, blockers))
            return result(await asyncio.wrap_future(task.future))
        task = await run_in_threadpool(self.submit, job, waited=patience > 0)
        if patience > 0:
            future = asyncio.wrap_future(task.future)
            future.add_done_callback(look)
            try:
                answer = await asyncio.wait_for(asyncio.shield(future), patience)
            except TimeoutError:
                return accepted(task.now())
            except DebrepoError:
                await run_in_threadpool(self.delete, task.record.id)
                raise
            await run_in_threadpool(self.delete, task.record.id)
            return result(answer)
        return accepted(task.record)

    async def ask(self, function: Callable[..., T], *arguments: object) -> T:
        """Ask the database, in a thread where that may take long."""
        if self.node.shared:
            return await run_in_threadpool(function, *arguments)
        return function(*arguments)

    def submit(self, job: Job, *, waited: bool = False) -> Running:
        """Store a task, and run it when its resources are free; ``waited``: its client waits."""
        # A caller who does not wait for the end counts on the order in which tasks came.
        job = job._replace(resources=(*job.shared, *job.resources), shared=())
        if job.merges and (waiting := self._alike(job)):
            return waiting
        number, _ = self.queue.next_number(taken=False)
        new = record_of(job, number, self.node.server)

        def add(txn: Transaction) -> tuple[TaskRecord, frozenset[int]]:
            record = records.add(txn, new, waited=waited)
            return record, records.before(txn, record)

        record, before = self._session.db.update(add)
        return self.queue.add(Running(record, job, durable=True, blockers=before))

    def begin(self, job: Job) -> TaskRecord:
        """Store a task, and return it; see `debrepo.http.Tasks`."""
        return self.submit(job).now()

    def _alike(self, job: Job) -> Running | None:
        """Return a task that has not begun and will do what this job is for."""
        wanted = (job.work, job.resources, job.caller.name, job.caller.identity)
        for task in self.queue.waiting():
            its, who = task.job, task.job.caller
            if task.durable and (its.work, its.resources, who.name, who.identity) == wanted:
                return task
        return None

    def _blockers(self, job: Job) -> frozenset[int]:
        """Return the tasks of other servers that have to end before this job may begin."""
        if job.reads or not (job.resources or job.shared) or not self.node.has_company():
            return frozenset()
        with self._session.db.read() as txn:
            return records.before(txn, record_of(job, 0, self.node.server))

    def _number(self, job: Job, watch: Watch | None, blockers: Collection[int]) -> Running:
        """Return a task that is not stored; beside other servers, it has no number yet."""
        company = self.node.has_company()
        number, last = self.queue.next_number(taken=not company)
        record = record_of(job, 0 if company else number, self.node.server)
        task = Running(record, job, durable=False, watch=watch, blockers=blockers)
        task.place = max(last, *blockers, 0) + 0.5
        return task

    def list_(self) -> list[TaskRecord]:
        """Return the waiting, running and stored tasks, by number."""
        with self._session.db.read() as txn:
            stored = {record.id: record for record in txn[TASKS].values()}
        return [record for _, record in sorted({**stored, **self._now()}.items())]

    def latest(self, *, before: int = 0, limit: int = 0) -> list[TaskRecord]:
        """Return tasks, the latest first; reads no more of the stored ones than it returns."""
        live = self._now()
        found = {number: one for number, one in live.items() if not before or number < before}
        with self._session.db.read() as txn:
            stored = records.newest_first(txn, before)
            found |= {
                one.id: one if one.ended else live.get(one.id, one)
                for one in islice(stored, limit or None)
            }
        return [found[number] for number in sorted(found, reverse=True)][: limit or None]

    def _now(self) -> dict[int, TaskRecord]:
        """Return the tasks of this server that have a number."""
        return {task.record.id: task.now() for task in self.live() if task.record.id}

    def get(self, number: int) -> TaskRecord:
        """Return one task."""
        task = self.find(number)
        return self._stored(number) if task is None else task.now()

    def _stored(self, number: int) -> TaskRecord:
        with self._session.db.read() as txn:
            return records.get(txn, number)

    def find(self, number: int) -> Running | None:
        """Return the task with this number while it is waiting or running here."""
        return next((task for task in self.live() if number and task.record.id == number), None)

    def live(self) -> list[Running]:
        """Return the tasks that this server has."""
        with self._storing:
            return [*self.queue.live(), *self._unstored]

    def delete(self, number: int) -> TaskRecord:
        """Delete a task that has ended."""
        record = self.get(number)
        if not record.ended:
            raise InvalidInput(
                f"task {number} has not ended",
                hint=f'cancel it with "POST /api/tasks/{number}/cancel"',
            )
        self._session.db.update(lambda txn: records.discard(txn, number))
        return record

    def clear(self) -> None:
        """Delete all tasks that have ended."""
        with self._session.db.write() as txn:
            for record in list(txn[TASKS].values()):
                if record.ended:
                    del txn[TASKS][record.id]

    def cancel(self, number: int) -> TaskRecord:
        """Cancel a task: at once if it is waiting, else at its next checkpoint."""
        task = self.find(number)
        if task is None:
            return self.sharing.cancel(number)
        if task.record.ended:
            raise InvalidInput(f"task {number} has ended already")
        task.watch.stop(*CANCELLED)
        if self.queue.remove(task) and not self._end(task, Cancelled(NOT_BEGUN)):
            return self.sharing.cancel(number)
        return task.now()

    async def wait(self, number: int) -> TaskRecord:
        """Return a task when it has ended, or this server does."""
        while (task := self.find(number)) is not None:
            await asyncio.gather(asyncio.wrap_future(task.future), return_exceptions=True)
            if task.record.ended or self.queue.stopping:
                return task.record
        over = self._over()
        while True:
            record = await self.ask(self._stored, number)
            if record.ended or over():
                return record
            await asyncio.sleep(_LOOK)

    async def follow(self, number: int) -> AsyncIterator[TaskRecord]:
        """Yield a task each time that it has changed, until it ends or the server does."""
        over = self._over()
        while (task := self.find(number)) is not None:
            async for record in task.changes(over):
                yield record
            if task.record.ended or over():
                return
        last: TaskRecord | None = None
        while True:
            record = await run_in_threadpool(self._stored, number)
            if record != last:
                yield record
            if record.ended or over():
                return
            last = record
            await asyncio.sleep(_LOOK)

    def _over(self) -> Callable[[], bool]:
        """Return what tells whether nobody needs to know more."""
        watch = current()
        return lambda: self.queue.stopping or (watch is not None and watch.stopped)

    def has_work(self) -> bool:
        """Tell whether a task that changes something is waiting or running here."""
        return any(not task.job.reads for task in self.queue.live())

    async def idle(self) -> None:
        """Wait until no task is waiting or running, on any server."""
        while True:
            if futures := [asyncio.wrap_future(task.future) for task in self.queue.live()]:
                await asyncio.gather(*futures, return_exceptions=True)
                await asyncio.sleep(0.01)  # until the thread has removed the task from the list
            elif self.queue.stopping or not await self.ask(self._has_open):
                return
            else:
                await asyncio.sleep(_LOOK)

    def _has_open(self) -> bool:
        with self._session.db.read() as txn:
            return txn[OPEN].first() is not None

    def _execute(self, task: Running) -> None:
        caller = task.job.caller
        check = partial(begin, self._session.config, caller.check_change)
        session = self._session.acting(actor=caller.name, progress=task, check=check)
        try:
            if task.durable and not self._begin(task):
                task.stored = False  # here nothing is to be said of it
                self._end(task, Cancelled(MOVED))
                return

            def work() -> object:
                with watching(task.watch):
                    checkpoint()
                    return task.job.work(session, **task.job.arguments)

            found = self.node.do(work)
            self._end(task, found if isinstance(found, Answer) else Answer(200, found))
        except DebrepoError as error:
            self._end(task, error)
        except Exception as error:
            _log.exception("task %s (%s) failed", task.record.id, task.record.name)
            self._end(task, error)

    def _begin(self, task: Running) -> bool:
        """Store that a task runs here; return False if another server has it, or had it."""
        number, server = task.record.id, self.node.server

        def begin(txn: Transaction) -> bool:
            found = records.change(txn, number, server, lambda one: one._replace(state=RUNNING))
            return found is not None

        return self._session.db.update(begin)

    def _end(self, task: Running, outcome: Answer | Exception) -> bool:
        """Store an outcome, and tell who waits; return False if it is another server's to say."""
        stopping = self.queue.stopping
        record = task.finish(ended(task.now(), task.lines, outcome, stopping=stopping))
        ours = True
        try:
            if task.stored:
                ours = self._store(task)
        except DebrepoError as error:
            _log.exception("cannot store the result of task %s", record.id)
            if task.durable:
                outcome = error  # what is not stored is not done
            with self._storing:
                self._unstored.append(task)
        finally:
            self.queue.ended(task)
            if isinstance(outcome, Answer):
                task.future.set_result(outcome)
            else:
                task.future.set_exception(outcome)
        return ours

    def store_again(self) -> None:
        """Store the outcomes that could not be stored."""
        for task in list(self._unstored):
            self._store(task)
            with self._storing:
                self._unstored.remove(task)

    def _store(self, task: Running) -> bool:
        """Store an outcome; return False if another server has taken the task over."""
        record = task.record

        def store(txn: Transaction) -> bool:
            if not task.durable:  # its client has it
                records.discard(txn, record.id)
                return True
            return records.change(txn, record.id, record.server, lambda _: record) is not None

        ours = self._session.db.update(store)
        if not ours:
            _log.warning("task %s ended, but another server has taken it over", record.id)
        return ours
