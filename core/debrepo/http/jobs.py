"""Jobs: long work that a route hands over to the tasks of its server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Response

    from debrepo.permissions import Caller


class Job(NamedTuple):
    """Work to be done as a task: a function on a session, and its arguments as JSON has them."""

    name: str
    work: Callable[..., object]
    arguments: dict[str, Any]
    caller: Caller
    resources: tuple[str, ...] = ()  #: tasks that share one run one after another; ``*``: all
    resumable: bool = False  #: whether it may be done again when a server died in the middle
    secret: bool = False  #: whether the arguments must not be written down
    reads: bool = False  #: whether it changes nothing, so that it does not wait for others
    shared: tuple[str, ...] = ()  #: as resources, but tasks that share nothing else run at once


class TaskObject(BaseModel):
    """A task, as aptly's clients read it: 0 waits, 1 runs, 2 succeeded, 3 failed."""

    Name: str
    ID: int
    State: int
    Resources: list[str] | None = None


class Tasks(Protocol):
    """The tasks of a server."""

    async def answer(self, job: Job, patience: float | None) -> Response:
        """Do a job; answer with its result, or with the task when patience runs out.

        ``patience`` is in seconds; ``None`` waits for the end, and 0 not at all.
        """
        ...
