"""Settled answers: what the database alone decides is said again until the database changes."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from fastapi import Request
from starlette.exceptions import HTTPException

from debrepo.errors import DebrepoError
from debrepo.http import opening_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from debrepo.http import Caller

_LIMIT = 8 << 20  # bytes of all answers and the requests that they are for
_LONGEST = 1 << 18  # bytes of a body; what is longer costs more to send than to find
_EACH = 1000  # bytes that an answer takes besides

_Asked = tuple[object, ...]


class _Said(NamedTuple):
    state: object
    caller: Caller
    route: object
    start: Message
    body: Message


class Settled:
    """Gives an answer again, as it was, to who sends the same request in the same state.

    The answers are those of routes that are ``settled`` (see `debrepo.http.opens`), and
    ``state`` tells in what state the database and the tasks are; ``None`` is none that could
    be compared. Each request is authenticated. All of it runs on the event loop.
    """

    def __init__(
        self,
        app: ASGIApp,
        state: Callable[[], object],
        authenticate: Callable[[Request], Caller],
        limit: int = _LIMIT,
    ) -> None:
        self._app = app
        self._state = state
        self._authenticate = authenticate
        self._limit = limit
        self._size = 0
        self._said: OrderedDict[_Asked, _Said] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = self._state() if scope["type"] == "http" and scope["method"] == "GET" else None
        if state is None:
            await self._app(scope, receive, send)
            return
        host = scope["client"][0] if scope["client"] else ""
        asked = (host, scope["raw_path"], scope["query_string"], *scope["headers"])
        said = self._said.get(asked)
        if said is None or said.state != state or not self._is_from(said.caller, scope):
            await self._app(scope, receive, self._noting(asked, state, scope, send))
            return
        self._said.move_to_end(asked)
        scope["route"] = said.route
        await send(said.start)
        await send(said.body)

    def _is_from(self, caller: Caller, scope: Scope) -> bool:
        try:
            found = self._authenticate(Request(scope))
        except (DebrepoError, HTTPException):  # the route will say so, as it always does
            return False
        scope.setdefault("state", {})["caller"] = found
        return found == caller

    def _noting(self, asked: _Asked, state: object, scope: Scope, send: Send) -> Send:
        """Return what sends an answer, and keeps it if it is settled."""
        start: Message = {}

        async def note(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            elif start.get("status") in {200, 304} and not message.get("more_body"):
                self._keep(asked, state, scope, start, message)
                start = {}
            else:  # a part of something longer
                start = {}
            await send(message)

        return note

    def _keep(
        self, asked: _Asked, state: object, scope: Scope, start: Message, body: Message
    ) -> None:
        route, caller = scope.get("route"), scope.get("state", {}).get("caller")
        opening = opening_of(route)
        if caller is None or opening is None or not opening.settled:
            return
        if len(body.get("body", b"")) > _LONGEST:
            return
        self._discard(asked)
        self._said[asked] = _Said(state, caller, route, start, body)
        self._size += _size(asked, body)
        while self._size > self._limit:
            self._discard(next(iter(self._said)))

    def _discard(self, asked: _Asked) -> None:
        said = self._said.pop(asked, None)
        if said is not None:
            self._size -= _size(asked, said.body)


def _size(asked: _Asked, body: Message) -> int:
    _, path, query, *headers = asked
    words = [path, query, *(part for header in headers for part in header)]  # type: ignore[attr-defined]
    return _EACH + len(body.get("body", b"")) + sum(map(len, words))
