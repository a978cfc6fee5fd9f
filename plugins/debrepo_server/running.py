"""Running tasks: their progress, output and cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Sized
from concurrent.futures import Future
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from debrepo.http import Caller, Job
from debrepo.progress import Meter, Progress
from debrepo.refs import Ref
from debrepo.stopping import Watch
from debrepo_server.records import RUNNING, TaskRecord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator

    from debrepo.http import Answer

T = TypeVar("T")

_KEPT_LINES = 2000
_LOOK = 0.25  # seconds between two looks at a task that somebody follows
_SAME = 60  # looks after which it is shown again as it was


class Running(Progress):
    """A waiting or running task, which its work reports progress to."""

    def __init__(
        self,
        record: TaskRecord,
        job: Job,
        *,
        durable: bool,
        watch: Watch | None = None,
        blockers: Collection[int] = (),
    ) -> None:
        self.record = record
        self.job = job
        self.durable = durable  #: whether it was stored before it began
        self.stored = durable  #: whether other servers can see it
        self.blockers = {*blockers}  #: tasks of other servers that have to end before
        self.place = float(record.id)  #: in the queue
        self._known = record  # what other servers know of it
        self._looked = False
        self._ending = Lock()
        self.future: Future[Answer] = Future()
        self.future.set_running_or_notify_cancel()  # a client that disconnects cancels nothing
        self.lines: list[str] = [record.output] if record.output else []
        self.detail: dict[str, Any] = {}
        self.watch = watch or Watch()

    def now(self) -> TaskRecord:
        """Return the record with the output so far."""
        if self.record.ended:
            return self.record
        output = "\n".join(self.lines)
        return self.record._replace(output=output, detail=dict(self.detail))

    def is_news(self) -> bool:
        """Whether others should know more; asked now and then, it is so for what takes time."""
        if self.record.state != RUNNING:
            return False
        if not self.stored:
            before, self._looked = self._looked, True
            return before
        now = self.now()
        return (now.output, now.detail) != (self._known.output, self._known.detail)

    def store_as(self, stored: TaskRecord, shown: TaskRecord) -> bool:
        """Note that others know it now; return False if they should not, as it has ended."""
        with self._ending:
            self._known = shown
            if not self.stored:
                if self.record.ended:
                    return False
                self.record = self.record._replace(id=stored.id)
                self.stored = True
            return True

    def finish(self, record: TaskRecord) -> TaskRecord:
        """Note the outcome; return it under the number that others know it by."""
        with self._ending:
            self.record = record._replace(id=self.record.id)
            return self.record

    async def changes(self, over: Callable[[], bool]) -> AsyncIterator[TaskRecord]:
        """Yield the record whenever it has changed, until the task ends or ``over`` is true.

        One that does not change for long is yielded again, so that who listens can see it is there.
        """
        future = asyncio.wrap_future(self.future)
        future.add_done_callback(look)
        last, looks = None, 0
        while True:
            last_look = future.done() or over()
            record = self.now()
            if record != last or looks >= _SAME:
                yield record
                looks = 0
            if last_look:
                return
            last, looks = record, looks + 1
            await asyncio.wait([future], timeout=_LOOK)

    def note(self, text: str) -> None:
        self.watch.check()
        if len(self.lines) < _KEPT_LINES:
            self.lines.append(text)

    def track(self, label: str, items: Iterable[T], total: int | None = None) -> Iterator[T]:
        self.note(f"{label}...")
        count = total or (len(items) if isinstance(items, Sized) else 0)
        self.detail = {
            "Progress": {"Label": label},
            "TotalNumberOfPackages": count,
            "RemainingNumberOfPackages": count,
        }
        for done, item in enumerate(items, start=1):
            self.watch.check()
            yield item
            self.detail["RemainingNumberOfPackages"] = max(0, count - done)

    def meter(self, label: str, *, files: int, size: int) -> Meter:
        self.note(f"{label}...")
        return _TaskMeter(self, label, files, size)

    def shares(self, other: Running) -> bool:
        """Whether the two must not run at the same time."""
        if self.job.reads or other.job.reads:
            return False
        mine, theirs = set(self.job.resources), set(other.job.resources)
        if "*" in mine | theirs or not mine.isdisjoint(theirs):
            return True
        return not (mine.isdisjoint(other.job.shared) and theirs.isdisjoint(self.job.shared))


class _TaskMeter(Meter):
    """Counts into the detail of a task, under the names that aptly has for it."""

    def __init__(self, task: Running, label: str, files: int, size: int) -> None:
        self._watch = task.watch
        self._size, self._files = size, files
        self._detail = task.detail = {
            "Progress": {"Label": label},
            "TotalDownloadSize": size,
            "RemainingDownloadSize": size,
            "TotalNumberOfPackages": files,
            "RemainingNumberOfPackages": files,
        }

    def add(self, size: int) -> None:
        self._watch.check()
        self._size -= size
        self._detail["RemainingDownloadSize"] = max(0, self._size)

    def ended(self) -> None:
        self._files -= 1
        self._detail["RemainingNumberOfPackages"] = max(0, self._files)


def look(future: asyncio.Future[Answer]) -> None:
    """Retrieve the exception of a task, or asyncio logs that nobody did."""
    if not future.cancelled():
        future.exception()


def record_of(job: Job, number: int, server: str) -> TaskRecord:
    """Return the record of a new task, for the server with this lease."""
    return TaskRecord(
        id=number,
        name=job.name,
        server=server,
        actor=job.caller.name,
        identity=job.caller.identity,
        scopes=job.caller.scopes,
        resources=(*job.shared, *job.resources),
        work=f"{job.work.__module__}:{job.work.__qualname__}",
        arguments=None if job.secret else job.arguments,
        resumable=job.resumable and not job.secret,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        reads=job.reads,
    )


def job_of(record: TaskRecord) -> Job:
    """Return the job that a task was stored for."""
    return Job(
        record.name,
        Ref(record.work).load(),
        record.arguments or {},
        Caller(record.actor, record.scopes, identity=record.identity),
        record.resources,
        record.resumable,
        reads=record.reads,
    )
