"""Doors: how a route declares its scopes and gets a session."""

import re
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from fastapi import Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from debrepo.errors import DebrepoError, NotAllowed, NotFound
from debrepo.http.body_cache import BodyCache
from debrepo.http.jobs import Job, ShownTask, Tasks
from debrepo.http.read_limits import ReadLimiter, begin
from debrepo.permissions import Caller
from debrepo.session import Session

T = TypeVar("T")

_LONGEST = 200  # characters of a name in an error


class ReplayStore(Protocol):
    """The answers that a server stores for repeated requests."""

    async def answer(
        self,
        key: str,
        caller: Caller,
        request: Request,
        body: bytes | None,
        handle: Callable[[Request], Awaitable[Response]],
    ) -> Response:
        """Handle a request, or repeat the stored answer to its key.

        ``body`` is ``None`` if ``handle`` streams it.
        """
        ...


class Patient(Protocol):
    """A route that determines how long a client waits for a task."""

    def patience(self, request: Request) -> float | None:
        """Return the seconds; ``None`` means until the task ends."""
        ...


class Server(NamedTuple):
    """The objects that routes share, as ``app.state.debrepo``."""

    session: Session
    authenticate: Callable[[Request], Caller]
    tasks: Tasks
    kept: BodyCache
    replays: ReplayStore
    reading: ReadLimiter


class Door:
    """A session for one request, with the permissions of its caller."""

    def __init__(self, request: Request, server: Server, caller: Caller) -> None:
        self.request = request
        self.caller = caller
        self.session = server.session.acting(
            actor=caller.name, check=partial(begin, server.session.config, caller.check)
        )
        self._server = server

    def receiving(self, area: Path) -> "Door":
        """Return a door for files that a route has stored in a directory of its own."""
        part = copy(self)
        part.session = self.session.receiving(area)
        return part

    async def call(self, operation: str, /, **arguments: Any) -> Any:
        """Call a short operation, in a thread."""
        changes = operation not in self.session.operations or (
            self.session.operations[operation].changes
        )
        if changes:
            return await run_in_threadpool(self.session.call, operation, **arguments)
        async with self._server.reading.turn(self.caller.name):
            return await run_in_threadpool(self.session.call, operation, **arguments)

    async def task(
        self,
        name: str,
        work: Callable[..., object],
        /,
        *,
        resources: tuple[str, ...] | list[str] = (),
        shared: tuple[str, ...] | list[str] = (),
        resumable: bool = False,
        secret: bool = False,
        wait: bool | None = None,
        reads: bool = False,
        merges: bool = False,
        **arguments: Any,
    ) -> Response:
        """Run ``work(session, **arguments)`` as a task, and answer when or how the client asks.

        Tasks that share a resource run one after another; of those that have it as a ``shared``
        one, several run at once, if their clients wait for the end. ``work`` is a function of a
        module, and the arguments are what JSON can hold, because a task outlives its server;
        ``resumable`` says that it may be done again when it may have been done in part, and
        ``secret`` that the arguments must not be written down. What ``work`` returns is the
        body of a 200, or an `Answer`. ``wait`` says whether to wait for the end, whatever the
        client asks for. ``reads`` says that it changes nothing: it waits for nobody, nobody
        waits for it, and it ends when its client goes away or its time is up. ``merges`` says that
        a task of the caller's with this work and these resources that has not begun does it all:
        the client is told of that one, unless it waits for the end.
        """
        job = Job(
            name,
            work,
            arguments,
            self.caller,
            tuple(resources),
            resumable,
            secret,
            reads,
            tuple(shared),
            merges,
        )
        patience = self._patience() if wait is None else None if wait else 0
        return await self._server.tasks.answer(job, patience)

    @property
    def tasks(self) -> Tasks:
        """The tasks of the server, those of other callers too."""
        return self._server.tasks

    async def begin(
        self,
        name: str,
        work: Callable[..., object],
        /,
        *,
        resources: tuple[str, ...] | list[str] = (),
        resumable: bool = False,
        **arguments: Any,
    ) -> ShownTask:
        """Run ``work`` as a task, as `task` does, and return it without waiting for anything."""
        job = Job(name, work, arguments, self.caller, tuple(resources), resumable)
        return await run_in_threadpool(self.tasks.begin, job)

    def _patience(self) -> float | None:
        """Return how long the client waits; each kind of route reads that in its own way."""
        route: Patient = self.request.scope["route"]
        return route.patience(self.request)

    async def kept(self, key: str, make: Callable[[], bytes]) -> Response:
        """Answer with JSON that never changes under its key; see `BodyCache`."""
        return await self._server.kept.answer(self.request, key, make)

    async def in_turn(self, work: Callable[[], T]) -> T:
        """Run ``work``, which takes much memory or time; few run at once."""
        return await self._server.kept.in_turn(work)


class Lacking(NamedTuple):
    """A scope of an operation that a caller has for no thing at all."""

    caller: Caller
    template: str

    def refusal(self, session: Session, told: Mapping[str, object]) -> NotAllowed:
        """Return the error; what ``told`` says of the arguments stands for the braces."""
        return self.caller.refusal(_named(session, self.template, told))


class Opening:
    """The dependency that makes a `Door`, and the scopes that the route needs."""

    def __init__(
        self, operations: tuple[str, ...], scope: str, *, task: bool, settled: bool = False
    ) -> None:
        self.operations = operations
        self.scope = scope
        self.task = task
        self.settled = settled

    def scopes(self, session: Session) -> list[str]:
        """Return the scopes that the route needs; braces stand for values of the request."""
        known = [one for name in self.operations if (one := session.operations.get(name))]
        found = [scope for one in known for scope in one.scopes]
        return [*found, self.scope] if self.scope else found

    def admit(self, request: Request) -> Caller:
        """Return the caller; raise `NotAllowed` if no arguments could make the call permitted."""
        server: Server = request.app.state.debrepo
        caller = request.state.caller = server.authenticate(request)  # the log names it, if refused
        if self.scope and self.scope != "public":
            caller.require(self.scope.format_map(request.path_params))
        known = server.session.operations
        first = [known[name].scopes[0] for name in self.operations if name in known]
        if self.operations and not first:
            raise NotFound(
                f"no operation called {self.operations[0]}",
                hint="the plugin that provides it may be disabled",
            )
        if first and not any(map(caller.may_some, first)):
            request.state.lacking = Lacking(caller, first[0])
            raise caller.refusal(first[0])
        return caller

    async def __call__(self, request: Request) -> Door:
        return Door(request, request.app.state.debrepo, request.state.caller)


def _named(session: Session, template: str, told: Mapping[str, object]) -> str:
    """Return a scope with what it is about, as far as a request says; ``*`` is for the rest."""

    def value(brace: re.Match[str]) -> str:
        said = told.get(brace[1])
        if not isinstance(said, str) or not said.isprintable():
            return "*"
        try:
            return session.spelled(brace[1], said)[:_LONGEST]
        except DebrepoError:
            return "*"

    return re.sub(r"\{(\w+)\}", value, template)


def opens(*operations: str, scope: str = "", task: bool = False, settled: bool = False) -> Any:
    """Return the dependency of a route that calls these operations.

    The scopes are theirs. A route that calls none names its own ``scope``, in which braces
    stand for path parameters, or says that it is ``public``. ``task`` says that the work is
    done with `Door.task`; ``settled``, that the answer depends on the request, the database
    and which tasks there are, and on nothing else, so that it may be given again.
    """
    return Depends(Opening(operations, scope, task=task, settled=settled), scope="function")
