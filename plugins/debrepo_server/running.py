"""Running tasks: their progress, output and cancellation."""

from __future__ import annotations

from collections.abc import Sized
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from debrepo.progress import Meter, Progress
from debrepo.stopping import Watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.http import Answer, Job
    from debrepo_server.records import TaskRecord

T = TypeVar("T")

_KEPT_LINES = 2000


class Running(Progress):
    """A waiting or running task, which its work reports progress to."""

    def __init__(
        self, record: TaskRecord, job: Job, *, durable: bool, watch: Watch | None = None
    ) -> None:
        self.record = record
        self.job = job
        self.durable = durable
        self.future: Future[Answer] = Future()
        self.future.set_running_or_notify_cancel()  # a client that disconnects cancels nothing
        self.lines: list[str] = [record.output] if record.output else []
        self.detail: dict[str, Any] = {}
        self.watch = watch or Watch()

    def now(self) -> TaskRecord:
        """Return the record with the output so far."""
        output = "\n".join(self.lines)
        return self.record._replace(output=output, detail=dict(self.detail))

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
