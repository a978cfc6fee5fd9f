"""The response cache: answers that depend only on the database, repeated until it changes."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from fastapi import Request
from starlette.exceptions import HTTPException
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from debrepo.errors import DebrepoError
from debrepo.http import opening_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from debrepo.http import Caller

_LIMIT = 8 << 20  # bytes of all answers and the requests that they are for
_LONGEST = 1 << 18  # bytes of a body; longer ones cost more to send than to compute
_EACH = 1000  # bytes of overhead for an answer
_UNUSUAL = {b"content-length", b"transfer-encoding", b"expect", b"upgrade"}  # headers of a GET

_Asked = tuple[object, ...]


class StoredAnswer(NamedTuple):
    """An answer that was given, and what it depends on."""

    state: object
    caller: Caller
    route: object
    start: Message
    body: Message
    head: tuple[bytes, bytes] | None  #: as it is sent: its first line, and its headers


class ResponseCache:
    """Repeats an answer to the same request of the same caller while the state is the same.

    It holds answers of routes that are ``settled`` (see `debrepo.http.opens`). ``state``
    returns the state of the database and the tasks, or ``None`` if it is not known; nothing is
    cached then. The caller is authenticated each time. All of it runs on the event loop.
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
        self._said: OrderedDict[_Asked, StoredAnswer] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = self._state() if scope["type"] == "http" and scope["method"] == "GET" else None
        if state is None:
            await self._app(scope, receive, send)
            return
        query = scope["query_string"]
        asked = _asked(scope, scope["raw_path"] + b"?" + query if query else scope["raw_path"])
        said = self._said.get(asked)
        if said is None or said.state != state or not self._is_from(said.caller, scope):
            await self._app(scope, receive, self._noting(asked, state, scope, send))
            return
        self._said.move_to_end(asked)
        scope["route"] = said.route
        await send(said.start)
        await send(said.body)

    def find(self, scope: Scope, url: bytes) -> StoredAnswer | None:
        """Return the answer to a GET of which nothing is known but headers, if it can be sent."""
        asked = _asked(scope, url)
        said = self._said.get(asked)
        if said is None or said.head is None or said.state != self._state():
            return None
        if not self._is_from(said.caller, scope):
            return None
        self._said.move_to_end(asked)
        return said

    def _is_from(self, caller: Caller, scope: Scope) -> bool:
        try:
            found = self._authenticate(Request(scope))
        except (DebrepoError, HTTPException):  # the route reports it
            return False
        scope.setdefault("state", {})["caller"] = found
        return found == caller

    def _noting(self, asked: _Asked, state: object, scope: Scope, send: Send) -> Send:
        """Return a ``send`` that also stores the answer if its route is settled."""
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
        head = None if _UNUSUAL & {name for name, _ in scope["headers"]} else _head(start)
        self._said[asked] = StoredAnswer(state, caller, route, start, body, head)
        self._size += _size(asked, body)
        while self._size > self._limit:
            self._discard(next(iter(self._said)))

    def _discard(self, asked: _Asked) -> None:
        said = self._said.pop(asked, None)
        if said is not None:
            self._size -= _size(asked, said.body)


def _asked(scope: Scope, url: bytes) -> _Asked:
    host = scope["client"][0] if scope["client"] else ""
    return (host, url, *scope["headers"])


def _head(start: Message) -> tuple[bytes, bytes] | None:
    """Return what uvicorn sends for an answer before and after its own headers."""
    headers = [(name.lower(), value) for name, value in start["headers"]]
    names = {name for name, _ in headers}
    if b"connection" in names or (start["status"] == 200 and b"content-length" not in names):
        return None
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    return STATUS_LINE[start["status"]], lines + b"\r\n"


def _size(asked: _Asked, body: Message) -> int:
    _, url, *headers = asked
    words = [url, *(part for header in headers for part in header)]  # type: ignore[attr-defined]
    return _EACH + len(body.get("body", b"")) + sum(map(len, words))
