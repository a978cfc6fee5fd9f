"""``/api/operations``: a route for every operation, used by ``debrepo --server``."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import Response
from pydantic import BaseModel, Field

from debrepo import encoding as wire
from debrepo.errors import InvalidInput
from debrepo.fitting import hints
from debrepo.http import Door, Route, Routes, opens
from debrepo.progress import Meter, Progress
from debrepo.refs import Operation
from debrepo.session import Session
from debrepo.uploads import upload_name, upload_path

_log = logging.getLogger("debrepo.operations")


class Arguments(BaseModel):
    """The arguments of an operation, by name."""

    arguments: dict[str, Any] = Field(default_factory=dict)


class OperationRoute(Route):
    """A route whose body has the arguments of its operation."""

    def arguments(self, path: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        sent = body.get("arguments")
        return sent if isinstance(sent, dict) else {}


def operation_routes(session: Session) -> Routes:
    """Return a route for each operation that can run on a server."""
    routes = Routes(prefix="/api/operations", tags=["operations"], route_class=OperationRoute)
    for operation in session.operations.values():
        if not operation.local:
            routes.add_api_route(
                f"/{operation.name}",
                _route(operation),
                methods=["POST"],
                name=operation.name,
                summary=operation.summary,
                response_model=dict[str, Any],
            )
    return routes


def _route(operation: Operation) -> Callable[..., Any]:
    async def call(
        body: Arguments, door: Annotated[Door, opens(operation.name, task=True)]
    ) -> Response:
        response = await door.task(
            operation.name,
            perform,
            resources=_alone(operation),
            reads=not operation.changes,
            secret=True,
            wait=True if operation.secret else None,  # the result of a task would be stored
            operation=operation.name,
            sent=body.arguments,
        )
        if operation.secret:
            response.headers["Cache-Control"] = "no-store"
        return response

    return call


def _alone(operation: Operation) -> list[str]:
    """Return the resources of an operation: all for a long one of an administrator, else none."""
    alone = operation.changes and operation.long and operation.scope == "admin"
    return ["*"] if alone else []


class _Listening(Progress):
    """Collects the notes of an operation for the client."""

    def __init__(self, other: Progress) -> None:
        self._other = other
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)
        self._other.note(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)
        self._other.warn(text)

    def track(self, label: str, items: Any, total: int | None = None) -> Iterator[Any]:
        return self._other.track(label, items, total)

    def meter(self, label: str, *, files: int, size: int) -> Meter:
        return self._other.meter(label, files=files, size=size)


def perform(session: Session, operation: str, sent: dict[str, Any]) -> dict[str, Any]:
    """Run an operation with decoded arguments, and return the encoded result."""
    arguments = _decoded(session, operation, sent)
    listening = _Listening(session.progress)
    session.progress = listening
    result = session.call(operation, **arguments)
    iterator = isinstance(result, Iterator)
    encoded = wire.encode(result, partial(_name_of, session))
    said = {"notes": listening.notes, "warnings": listening.warnings}
    return {"result": encoded, "iterator": iterator, **said}


def _decoded(session: Session, operation: str, sent: dict[str, Any]) -> dict[str, Any]:
    """Return the decoded arguments; the session checks their types."""
    kinds = hints(session.operations[operation].ref.load())
    find = partial(_uploaded, session)
    try:
        return {name: wire.decode(v, find, kinds.get(name)) for name, v in sent.items()}
    except InvalidInput as error:
        said = str(error).encode("unicode_escape").decode()
        _log.warning("%s: refused %s: %s", session.actor, operation, said)
        raise


def _uploaded(session: Session, name: Any) -> Path:
    """Return the path of an uploaded file; no other path can be named."""
    if not isinstance(name, str):
        raise TypeError(name)
    return upload_path(session.uploads, name, owner=session.actor)


def _name_of(session: Session, path: Path) -> str:
    """Return the name of a file for the caller: of an upload, its name and not its path."""
    try:
        return upload_name(session.uploads, path, session.actor)
    except InvalidInput:
        return str(path)
