"""The application: the routes of all plugins, behind the middleware."""

from __future__ import annotations

import logging
from asyncio import create_task
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from debrepo import __version__
from debrepo.errors import DebrepoError
from debrepo.http import BodyCache, Server, failure, json_answer
from debrepo.http.read_limits import ReadLimiter
from debrepo.http.receiving import delete_aborted
from debrepo_server.background import Background
from debrepo_server.beat import Beat
from debrepo_server.document import describe
from debrepo_server.hosts import Hosted, Hosts
from debrepo_server.load import ServerLoad
from debrepo_server.metrics import RequestCounts
from debrepo_server.middleware import Middleware
from debrepo_server.operation_api import operation_routes
from debrepo_server.plugin_metrics import PluginMetrics
from debrepo_server.plugin_routes import plugin_routes
from debrepo_server.rates import RateSharing
from debrepo_server.repeating import Repeater
from debrepo_server.replays import Replays
from debrepo_server.response_cache import ResponseCache
from debrepo_server.runner import Runner
from debrepo_server.watches import Watches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from debrepo.database import Database
    from debrepo.session import Session
    from debrepo_server.access import Access

_log = logging.getLogger("debrepo.server")
_FAULTS, _FAULT_LENGTH = 20, 300  # reported of a body; every value may be wrong


class Application(FastAPI):
    """A FastAPI application behind middleware; cached answers never reach FastAPI."""

    outer: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.outer(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a route, without the middleware."""
        await super().__call__(scope, receive, send)


def build(session: Session, access: Access, listen: str = "") -> FastAPI:
    """Return the application that serves a root with the routes of all plugins.

    ``listen`` is the host name that it listens on; it is one of the names it answers to.
    """
    hosts = Hosts(session.config["server.hosts"], trusting=access.trusting, listen=listen)
    reads = session.config["server.reads"]
    runner = Runner(session, session.config["server.tasks"], reads)
    watches = Watches()
    replays = Replays(session, runner.node)
    beat = Beat(session, [runner.sharing, RateSharing(access.rates, runner.node)])
    requests = RequestCounts()
    background = Background(session, ServerLoad(requests, runner))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(runner.start)
        beat.start()
        expiring = create_task(replays.keep_expiring())
        await run_in_threadpool(delete_aborted, session.uploads)
        background.start()
        try:
            yield
        finally:
            expiring.cancel()
            await run_in_threadpool(background.stop)
            await run_in_threadpool(beat.stop)
            await run_in_threadpool(runner.stop)

    app = Application(
        title="debrepo",
        version=__version__,
        summary="Debian package repositories, over HTTP.",
        redirect_slashes=False,  # `Middleware` strips the last one; redirects would loop
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.debrepo = Server(
        session, access.authenticate, runner, BodyCache(), replays, ReadLimiter(reads)
    )
    app.state.halt = partial(_halt, runner, watches, background)
    app.state.requests = requests
    app.state.background = background
    app.state.plugin_metrics = PluginMetrics()
    app.openapi = cache(partial(describe, app, session))  # type: ignore[method-assign]
    app.router.routes.extend(plugin_routes(session, operation_routes(session).routes))
    app.add_exception_handler(DebrepoError, _debrepo_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _client_left)
    app.add_exception_handler(Exception, _crash)
    cached = ResponseCache(app.answer, partial(_state, session.db, runner), access.authenticate)
    app.state.repeat = Repeater(cached, requests)
    app.outer = Middleware(Hosted(cached, hosts), requests, watches)
    return app


def _halt(runner: Runner, watches: Watches, background: Background) -> list[str]:
    """Cancel all running work; return the names of the running tasks and jobs."""
    watches.stop("the server is stopping", "ask again")
    return [*runner.halt(), *background.halt()]


def _state(database: Database, runner: Runner) -> object:
    """Return the state that settled answers depend on; ``None`` if reading it would block."""
    if database.shared:  # the server of the database would be asked, and the event loop wait
        return None
    serial = database.serial()
    return None if serial is None else (serial, runner.turns)


async def _debrepo_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, DebrepoError)
    return failure(error)


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    said = "; ".join(_said(one)[:_FAULT_LENGTH] for one in found[:_FAULTS])
    if len(found) > _FAULTS:
        said += f"; and {len(found) - _FAULTS} more"
    return json_answer({"error": said or "malformed request"}, 400)


def _said(found: dict[str, Any]) -> str:
    place: Sequence[object] = found.get("loc", ())
    where = ".".join(str(part) for part in place[1:]) or "the body"
    if found.get("type") == "json_invalid":
        return f"the body is not JSON: {found['ctx']['error']}, at character {place[-1]}"
    if found.get("type") == "missing" or found.get("type") == "string_too_short":
        return f"{where}: required"
    return f"{where}: {found.get('msg', 'malformed')}"


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code in {404, 405}:  # no client of aptly's expects a 405
        return json_answer({"error": "404 page not found"}, 404)
    headers = dict(error.headers or {})
    response = json_answer({"error": str(error.detail)}, error.status_code)
    response.headers.update(headers)
    return response


async def _client_left(_: Request, __: Exception) -> Response:
    return json_answer({"error": "the client has disconnected"}, 400)  # only the log shows it


async def _crash(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return json_answer({"error": "internal error", "hint": "see the log of the server"}, 500)
