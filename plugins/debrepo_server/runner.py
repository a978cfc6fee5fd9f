"""The runner: runs tasks in parallel, and those that share a resource one after another."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.concurrency import run_in_threadpool

from debrepo.errors import DebrepoError, InvalidInput, PluginError
from debrepo.http import Answer, Cancelled, Job, json_answer, status_of
from debrepo.http.read_limits import begin, share
from debrepo.refs import Ref
from debrepo.stopping import checkpoint, current, watching
from debrepo_server import records
from debrepo_server.records import FAILED, RUNNING, SUCCEEDED, TASKS, WAITING, TaskRecord
from debrepo_server.running import Running, job_of, look, record_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import Response

    from debrepo.session import Session
    from debrepo.stopping import Watch

_HALTED = ("the server is stopping", "send the request again")
_SHARING = 4  # factor on the workers for tasks that are committed together

_log = logging.getLogger("debrepo.tasks")


class Runner:
    """The tasks of one server.

    A task is stored before the client gets its number; one whose client waits for the result
    is kept in memory only.
    """

    def __init__(self, session: Session, workers: int = 4, readers: int = 4) -> None:
        self._session = session
        self._workers = {False: workers, True: readers}  # by whether they only read
        self.server = f"server:{uuid4().hex}"  #: the lease that shows that this server is alive
        self._lock = threading.Lock()
        self._last = 0
        self._waiting: list[Running] = []
        self._running: dict[int, Running] = {}
        self._idle = threading.Condition(self._lock)
        self._stack = ExitStack()
        self._stopping = False
        self.turns = 0  #: incremented when a task is added, starts or ends

    def start(self) -> None:
        """Resume the tasks that an earlier server did not finish."""
        self._stack.enter_context(self._session.leases.hold(self.server))
        alive = {lease.what for lease in self._session.leases.held()}
        with self._session.db.write() as txn:
            self._last = txn[records.COUNTERS].get("tasks", 0)
            left = [r for r in txn[TASKS].values() if not r.ended and r.server not in alive]
            taken = [self._take_over(record) for record in left]
            for record in taken:
                txn[TASKS][record.id] = record
        for record in taken:
            if record.state == WAITING:
                self._enqueue(Running(record, job_of(record), durable=True))

    def stop(self) -> None:
        """Wait for running tasks; waiting ones are stored for the next server."""
        self._refuse_more()
        with self._lock:
            while self._running:
                self._idle.wait()
        self._stack.close()

    def halt(self) -> list[str]:
        """Cancel the running tasks; return their names."""
        self._refuse_more()
        with self._lock:
            running = list(self._running.values())
        for task in running:
            task.watch.stop(*_HALTED)
        return [task.record.name for task in running]

    def _refuse_more(self) -> None:
        with self._lock:
            self._stopping = True
            for task in [task for task in self._waiting if not task.durable]:
                self._waiting.remove(task)
                task.future.set_exception(Cancelled(_HALTED[0], hint=_HALTED[1]))

    async def answer(self, job: Job, patience: float | None) -> Response:
        """Do a job; see `debrepo.http.Tasks`."""
        if patience is None:
            # A read is cancelled with its request; a change has a watch of its own.
            task = self._enqueue(self._number(job, current() if job.reads else None))
            return _result(await asyncio.wrap_future(task.future))
        task = await run_in_threadpool(self.submit, job)
        if patience > 0:
            future = asyncio.wrap_future(task.future)
            future.add_done_callback(look)
            try:
                answer = await asyncio.wait_for(asyncio.shield(future), patience)
            except TimeoutError:
                return _accepted(task.now())
            except DebrepoError:
                await run_in_threadpool(self.delete, task.record.id)
                raise
            await run_in_threadpool(self.delete, task.record.id)
            return _result(answer)
        return _accepted(task.record)

    def submit(self, job: Job) -> Running:
        """Store a task, and run it when its resources are free."""
        # A caller who does not wait for the end counts on the order in which tasks came.
        job = job._replace(resources=(*job.shared, *job.resources), shared=())
        if job.merges and (waiting := self._alike(job)):
            return waiting
        new = self._number(job).record
        with self._session.db.write() as txn:
            record = records.add(txn, new)
        with self._lock:
            self._last = max(self._last, record.id)
        return self._enqueue(Running(record, job, durable=True))

    def begin(self, job: Job) -> TaskRecord:
        """Store a task, and return it; see `debrepo.http.Tasks`."""
        return self.submit(job).now()

    def _alike(self, job: Job) -> Running | None:
        """Return a task that has not begun and will do what this job is for."""
        wanted = (job.work, job.resources, job.caller.name, job.caller.identity)
        with self._lock:
            for task in self._waiting:
                its, who = task.job, task.job.caller
                if task.durable and (its.work, its.resources, who.name, who.identity) == wanted:
                    return task
        return None

    def list_(self) -> list[TaskRecord]:
        """Return the waiting, running and stored tasks, by number."""
        with self._session.db.read() as txn:
            stored = {record.id: record for record in txn[TASKS].values()}
        with self._lock:
            live = {task.record.id: task.now() for task in self._live()}
        return [record for _, record in sorted({**stored, **live}.items())]

    def latest(self, *, before: int = 0, limit: int = 0) -> list[TaskRecord]:
        """Return tasks, the latest first; reads no more of the stored ones than it returns."""
        with self._lock:
            live = {task.record.id: task.now() for task in self._live()}
        found = {number: one for number, one in live.items() if not before or number < before}
        with self._session.db.read() as txn:
            stored = records.newest_first(txn, before)
            found |= {
                one.id: one if one.ended else live.get(one.id, one)
                for one in islice(stored, limit or None)
            }
        return [found[number] for number in sorted(found, reverse=True)][: limit or None]

    def get(self, number: int) -> TaskRecord:
        """Return one task."""
        task = self.find(number)
        if task is not None:
            return task.now()
        with self._session.db.read() as txn:
            return records.get(txn, number)

    def find(self, number: int) -> Running | None:
        """Return the task with this number while it is waiting or running."""
        with self._lock:
            return next((task for task in self._live() if task.record.id == number), None)

    def delete(self, number: int) -> TaskRecord:
        """Delete a task that has ended."""
        record = self.get(number)
        if not record.ended:
            raise InvalidInput(
                f"task {number} has not ended",
                hint=f'cancel it with "POST /api/tasks/{number}/cancel"',
            )
        with self._session.db.write() as txn:
            txn[TASKS].discard(number)
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
            record = self.get(number)  # raises NotFound
            raise InvalidInput(f"task {record.id} has ended already")
        task.watch.stop("the task was cancelled", "changes that it has already made are kept")
        with self._lock:
            waited = task in self._waiting
            if waited:
                self._waiting.remove(task)
        if waited:
            self._end(task, Cancelled("the task was cancelled before it began"))
        return task.now()

    async def follow(self, number: int) -> AsyncIterator[TaskRecord]:
        """Yield a task each time that it has changed, until it ends or the server does."""
        task, watch = self.find(number), current()
        if task is None:
            yield await run_in_threadpool(self.get, number)
            return
        async for record in task.changes(
            lambda: self._stopping or (watch is not None and watch.stopped)
        ):
            yield record

    def has_work(self) -> bool:
        """Tell whether a task that changes something is waiting or running."""
        with self._lock:
            return any(not task.job.reads for task in self._live())

    async def idle(self) -> None:
        """Wait until no task is waiting or running."""
        while True:
            with self._lock:
                futures = [asyncio.wrap_future(task.future) for task in self._live()]
            if not futures:
                return
            await asyncio.gather(*futures, return_exceptions=True)
            await asyncio.sleep(0.01)  # until the thread has removed the task from the list

    def _live(self) -> list[Running]:
        return [*self._running.values(), *self._waiting]

    def _number(self, job: Job, watch: Watch | None = None) -> Running:
        with self._lock:
            self._last += 1
            number = self._last
        record = record_of(job, number, self.server)
        return Running(record, job, durable=False, watch=watch)

    def _take_over(self, record: TaskRecord) -> TaskRecord:
        mine = record._replace(server=self.server)
        if record.arguments is not None and (record.state == WAITING or record.resumable):
            try:
                Ref(record.work).load()
            except PluginError as error:  # stored by another version, or a plugin is missing
                return _failed(mine, f"{error}: send the request again", 500)
            return mine._replace(state=WAITING)
        said = "the server stopped during this task: check what was done, and repeat the request"
        return _failed(mine, said, 503)

    def _enqueue(self, task: Running) -> Running:
        with self._lock:
            if self._stopping and not task.durable:
                raise Cancelled(_HALTED[0], hint=_HALTED[1])
            self._waiting.append(task)
            self.turns += 1
        self._pump()
        return task

    def _pump(self) -> None:
        """Start the tasks that share no resource with an earlier task that has not ended."""
        with self._lock:
            earlier = list(self._running.values())
            for task in list(self._waiting):
                if self._stopping:
                    return
                alone = not any(task.shares(other) for other in earlier)
                if alone and self._has_room(task):
                    self._waiting.remove(task)
                    self._running[task.record.id] = task
                    task.record = task.record._replace(state=RUNNING)
                    self.turns += 1
                    name = f"task-{task.record.id}"
                    threading.Thread(target=self._execute, args=(task,), name=name).start()
                earlier.append(task)

    def _has_room(self, task: Running) -> bool:
        """Whether a worker is free; one caller gets at most half of those for reads.

        Tasks that are committed together have workers of their own.
        """
        reads, sharing = task.job.reads, bool(task.job.shared)
        most = self._workers[reads] * (_SHARING if sharing else 1)
        alike = (reads, sharing)
        running = [other.job for other in self._running.values()]
        beside = [job.caller for job in running if (job.reads, bool(job.shared)) == alike]
        if reads and beside.count(task.job.caller) >= share(most):
            return False
        return len(beside) < most

    def _execute(self, task: Running) -> None:
        caller = task.job.caller
        check = partial(begin, self._session.config, caller.check_change)
        session = self._session.acting(actor=caller.name, progress=task, check=check)
        try:
            if task.durable:
                self._store(task.record)
            with watching(task.watch):
                checkpoint()
                result = task.job.work(session, **task.job.arguments)
            self._end(task, result if isinstance(result, Answer) else Answer(200, result))
        except DebrepoError as error:
            self._end(task, error)
        except Exception as error:
            _log.exception("task %s (%s) failed", task.record.id, task.record.name)
            self._end(task, error)

    def _end(self, task: Running, outcome: Answer | Exception) -> None:
        record = task.now()
        if isinstance(outcome, Cancelled) and self._stopping and _may_go_on(record):
            record = record._replace(state=WAITING)  # the next server runs it
        elif isinstance(outcome, Answer):
            good = outcome.status < 400
            said = "Task succeeded" if good else f"Task failed with status {outcome.status}"
            record = record._replace(
                state=SUCCEEDED if good else FAILED,
                output="\n".join([*task.lines, said]),
                status=outcome.status,
                value=outcome.value,
            )
        else:
            known = isinstance(outcome, DebrepoError)
            said = str(outcome) if known else f"internal error: {outcome!r}"
            record = _failed(record, said, status_of(outcome) if known else 500)  # type: ignore[arg-type]
        task.record = record
        try:
            if task.durable:
                self._store(record)
        except DebrepoError:
            _log.exception("cannot store the result of task %s", record.id)
        finally:
            with self._lock:
                self._running.pop(record.id, None)
                self.turns += 1
                self._idle.notify_all()
            self._pump()
            if isinstance(outcome, Answer):
                task.future.set_result(outcome)
            else:
                task.future.set_exception(outcome)

    def _store(self, record: TaskRecord) -> None:
        def store(txn: object) -> None:
            txn[TASKS][record.id] = record  # type: ignore[index]

        self._session.db.update(store)


def _may_go_on(record: TaskRecord) -> bool:
    return record.resumable and record.arguments is not None


def _failed(record: TaskRecord, said: str, status: int) -> TaskRecord:
    output = f"{record.output}\nTask failed with error: {said}".lstrip("\n")
    return record._replace(state=FAILED, output=output, status=status, value=None)


def _result(answer: Answer) -> Response:
    return json_answer(answer.value, answer.status)


def _accepted(record: TaskRecord) -> Response:
    response = json_answer(record.summary(), 202)
    response.headers["Location"] = f"/api/tasks/{record.id}"
    return response
