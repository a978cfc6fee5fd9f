"""The queue: which tasks of a server may run now, and which have to wait for others."""

from __future__ import annotations

import threading
from bisect import insort
from operator import attrgetter
from typing import TYPE_CHECKING

from debrepo.errors import Cancelled
from debrepo.http.read_limits import share
from debrepo_server.records import RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from debrepo_server.running import Running

HALTED = ("the server is stopping", "send the request again")
MOVED = "another server has this task now"
_SHARING = 4  # factor on the workers for tasks that are committed together


class TaskQueue:
    """The tasks that wait and run: those that share a resource run one after another."""

    def __init__(self, workers: int, readers: int, execute: Callable[[Running], None]) -> None:
        self._workers = {False: workers, True: readers}  # by whether they only read
        self._execute = execute
        self._lock = threading.Lock()
        self._last = 0  # the greatest number of a stored task that is known
        self._waiting: list[Running] = []  # in their order
        self._running: list[Running] = []
        self._idle = threading.Condition(self._lock)
        self.stopping = False
        self.turns = 0  #: incremented when a task is added, starts or ends

    def heard_of(self, number: int) -> None:
        """Note that a stored task has a number."""
        with self._lock:
            self._last = max(self._last, number)

    def next_number(self, *, taken: bool) -> tuple[int, int]:
        """Return the number after all that are known, which may be ``taken``, and the last one."""
        with self._lock:
            self._last += taken
            return self._last + (not taken), self._last

    def live(self) -> list[Running]:
        """Return the tasks: those that run first."""
        with self._lock:
            return [*self._running, *self._waiting]

    def running(self) -> list[Running]:
        """Return the tasks that run."""
        with self._lock:
            return list(self._running)

    def waiting(self) -> list[Running]:
        """Return the tasks that wait."""
        with self._lock:
            return list(self._waiting)

    def add(self, task: Running) -> Running:
        """Run a task when its resources are free, and the tasks before it have ended."""
        with self._lock:
            if self.stopping and not task.durable:
                raise Cancelled(HALTED[0], hint=HALTED[1])
            if task.durable:
                self._last = max(self._last, task.record.id)
            insort(self._waiting, task, key=attrgetter("place"))
            self.turns += 1
        self.pump()
        return task

    def remove(self, task: Running) -> bool:
        """Remove a task that waits; return False if it does not."""
        with self._lock:
            if task not in self._waiting:
                return False
            self._waiting.remove(task)
            self.turns += 1
            return True

    def drop(self, task: Running) -> None:
        """Give up a task that waits, because another server has it now, or it was deleted."""
        if self.remove(task):
            task.future.set_exception(Cancelled(MOVED))

    def ended(self, task: Running) -> None:
        """Run what has waited for a task."""
        with self._lock:
            if task in self._running:
                self._running.remove(task)
            self.turns += 1
            self._idle.notify_all()
        self.pump()

    def unblock(self, tasks: Collection[Running], still: Collection[int]) -> None:
        """Let tasks wait only for those tasks of other servers that have ``still`` to end."""
        freed = [task for task in tasks if task.blockers and not task.blockers.issubset(still)]
        for task in freed:
            task.blockers.intersection_update(still)
        if freed:
            self.pump()

    def has_spare(self) -> bool:
        """Whether nothing waits, and there is room for a task that changes something."""
        with self._lock:
            running = sum(not task.job.reads for task in self._running)
            return not (self._waiting or self.stopping) and running < self._workers[False]

    def close(self) -> None:
        """Begin no more tasks; those that are not stored are cancelled."""
        with self._lock:
            self.stopping = True
            for task in [task for task in self._waiting if not task.durable]:
                self._waiting.remove(task)
                task.future.set_exception(Cancelled(HALTED[0], hint=HALTED[1]))

    def wait_for_running(self) -> None:
        """Return when no task runs."""
        with self._lock:
            while self._running:
                self._idle.wait()

    def pump(self) -> None:
        """Start the tasks that share no resource with an earlier task that has not ended."""
        with self._lock:
            earlier = list(self._running)
            for task in list(self._waiting):
                if self.stopping:
                    return
                alone = not task.blockers and not any(task.shares(other) for other in earlier)
                if alone and self._has_room(task):
                    self._waiting.remove(task)
                    self._running.append(task)
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
        running = [other.job for other in self._running]
        beside = [job.caller for job in running if (job.reads, bool(job.shared)) == alike]
        if reads and beside.count(task.job.caller) >= share(most):
            return False
        return len(beside) < most
