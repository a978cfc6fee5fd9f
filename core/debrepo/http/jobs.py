"""Jobs: long work that a route passes to the task runner, and what can be seen of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from fastapi import Response

    from debrepo.permissions import Caller


class Job(NamedTuple):
    """Work for a task: a function of a session, and its JSON arguments."""

    name: str
    work: Callable[..., object]
    arguments: dict[str, Any]
    caller: Caller
    resources: tuple[str, ...] = ()  #: tasks that share one run one after another; ``*``: all
    resumable: bool = False  #: whether it can be repeated after the server died during it
    secret: bool = False  #: whether the arguments must not be stored
    reads: bool = False  #: whether it only reads, and need not wait for others
    shared: tuple[str, ...] = ()  #: as resources, but tasks that share nothing else run at once
    merges: bool = False  #: whether a task with this work that has not begun does it all


class TaskObject(BaseModel):
    """A task, as in aptly. States: 0 waiting, 1 running, 2 succeeded, 3 failed."""

    Name: str
    ID: int
    State: int
    Resources: list[str] | None = None


#: What the numbers of `ShownTask.state` stand for.
TASK_STATES = ("waiting", "running", "succeeded", "failed")


class ShownTask(Protocol):
    """A task as it is at one moment."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def actor(self) -> str:
        """The caller who asked for it."""
        ...

    @property
    def created(self) -> str:
        """When it was asked for: ISO 8601, UTC."""
        ...

    @property
    def resources(self) -> Sequence[str]: ...
    @property
    def state(self) -> int:
        """One of `TASK_STATES`, by its number."""
        ...

    @property
    def output(self) -> str:
        """What it has said so far; it only grows."""
        ...

    @property
    def detail(self) -> Mapping[str, Any]:
        """How far it is, under aptly's names: ``RemainingNumberOfPackages``."""
        ...

    @property
    def ended(self) -> bool: ...
    def belongs_to(self, caller: Caller) -> bool:
        """Whether this caller asked for it, and not an earlier owner of the same name."""
        ...


class Tasks(Protocol):
    """The tasks of a server.

    Those whose clients wait for the result are known here only until they end.
    """

    async def answer(self, job: Job, patience: float | None) -> Response:
        """Run a job; answer with its result, or with the task after ``patience`` seconds.

        ``None`` waits until it ends, 0 not at all.
        """
        ...

    def begin(self, job: Job) -> ShownTask:
        """Store a job as a task, which runs when its resources are free, and return that."""
        ...

    def latest(self, *, before: int = 0, limit: int = 0) -> Sequence[ShownTask]:
        """Return tasks, the latest first; of those with numbers less than ``before``, if given."""
        ...

    def get(self, number: int) -> ShownTask:
        """Return a task; raise `NotFound` where there is none."""
        ...

    def cancel(self, number: int) -> ShownTask:
        """Cancel a task: at once if it is waiting, else at its next checkpoint."""
        ...

    def follow(self, number: int) -> AsyncIterator[ShownTask]:
        """Yield a task as it is, each time that it has changed, and now and then, until it ends.

        It also stops when the server does, or the client of the request has gone away.
        """
        ...
