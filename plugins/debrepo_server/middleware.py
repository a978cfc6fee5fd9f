"""Middleware: decode the path of every request, count the request, and log it."""

from __future__ import annotations

import logging
import time
from asyncio import CancelledError
from typing import TYPE_CHECKING

from fastapi.routing import APIRoute

from debrepo.http import json_answer, segments
from debrepo.stopping import watching

if TYPE_CHECKING:
    from fastapi import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from debrepo_server.metrics import RequestCounts
    from debrepo_server.watches import Watches

_log = logging.getLogger("debrepo.requests")
_WITH_TREES = "/api/v4/"  #: a path that ends with a slash is that of a directory there
_LINE = "%s %s %s %d %d %.3f"


class Middleware:
    """The outermost ASGI application: every request passes through it."""

    def __init__(self, app: ASGIApp, requests: RequestCounts, watches: Watches) -> None:
        self._app = app
        self._watches = watches
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw = scope.get("raw_path") or b""
        if b"%2" in raw:  # an encoded slash may be part of a name
            path = raw.partition(b"?")[0].decode("latin-1")
            scope["path"] = segments(path)
        if scope["path"].startswith("/api/") and not scope["path"].startswith(_WITH_TREES):
            scope["path"] = scope["path"].removesuffix("/")  # some aptly clients add one
        status, sent, received = 0, 0, 0

        async def count(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        async def take() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        begun = time.perf_counter()
        self._requests.begin()
        try:
            with watching(self._watches.begin(scope)):
                await self._app(scope, take, count)
        except CancelledError:  # by what listens, when its time to end is nearly over
            if not status:
                await _ended()(scope, take, count)
        finally:
            status = status or 500
            seconds = time.perf_counter() - begun
            route = scope.get("route")
            path = route.path_format if isinstance(route, APIRoute) else "none"
            self._requests.end(scope["method"], path, status, seconds, received, sent)
            say(scope, status, sent, seconds)


def _ended() -> Response:
    said = "the server ended before it could answer this request"
    return json_answer({"error": said, "kind": "Cancelled"}, 503)


def say(scope: Scope, status: int, sent: int, seconds: float) -> None:
    """Log a request that has been answered."""
    if not _log.isEnabledFor(logging.INFO):
        return
    caller = scope.get("state", {}).get("caller")
    host = scope["client"][0] if scope.get("client") else "-"
    who = caller.name if caller else host
    path = scope.get("raw_path", b"").decode("latin-1")
    said = (who, scope["method"], path, status, sent, seconds)
    # `info` would also look up the calling function, which doubles the cost.
    _log.handle(_log.makeRecord(_log.name, logging.INFO, "", 0, _LINE, said, None))
