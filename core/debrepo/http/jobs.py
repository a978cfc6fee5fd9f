"""Jobs: long work that a route passes to the task runner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

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


class Tasks(Protocol):
    """The tasks of a server."""

    async def answer(self, job: Job, patience: float | None) -> Response:
        """Run a job; answer with its result, or with the task after ``patience`` seconds.

        ``None`` waits until it ends, 0 not at all.
        """
        ...
