"""Routes: FastAPI routes that check the caller's scopes before they read a body."""

import json
import re
from collections.abc import Callable, Coroutine
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.routing import Match
from starlette.types import Scope

from debrepo.errors import NotAllowed
from debrepo.http.answers import ErrorAnswer
from debrepo.http.bodies import as_json, check_lists
from debrepo.http.doors import Lacking, Opening, Server
from debrepo.permissions import Caller

#: Stands for an encoded slash while paths are matched; a noncharacter, so in no name.
_SLASH = "\ufdd0"
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})")
_SHORT = 64 << 10  # bytes of a body that is read although the caller may not do what it says
_BODY_LIMIT = 16 << 20  # bytes of JSON; package files have routes of their own


def segments(raw_path: str) -> str:
    """Return a path decoded, but such that ``%2F`` does not separate segments."""
    return "/".join(unquote(part).replace("/", _SLASH) for part in raw_path.split("/"))


class Route(APIRoute):
    """A route with an `Opening`; it authenticates the caller before it reads the body."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        super().__init__(path, endpoint, **more)
        # Between slashes a name may be empty, as the prefix is in /api/publish//repos.
        self.path_regex = re.compile(self.path_regex.pattern.replace("[^/]+)/", "[^/]*)/"))
        self._literal = path.partition("{")[0]
        self._methods = frozenset(self.methods or ())
        self._crowds = not iscoroutinefunction(endpoint)  # it runs in the shared thread pool

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        # Every request tries one route after another; most can be ruled out cheaply.
        if scope.get("method") not in self._methods or not scope["path"].startswith(self._literal):
            return Match.NONE, {}
        match, child = super().matches(scope)
        if match is not Match.NONE and _SLASH in scope["path"]:
            child["path_params"] = {
                key: value.replace(_SLASH, "/") if isinstance(value, str) else value
                for key, value in child["path_params"].items()
            }
        return match, child

    async def read(self, request: Request, *, required: bool) -> Request:
        """Return the request with its body as JSON."""
        return await as_json(request, required=required)

    async def check(self, request: Request) -> None:
        """Refuse what this kind of routes does not take of a caller who is admitted; take all."""

    def patience(self, request: Request) -> float | None:
        """Return how many seconds a client waits for a task; ``None`` means until it ends.

        The client sets it with a ``Prefer`` header (RFC 7240).
        """
        prefer = request.headers.get("prefer", "")
        if wait := _WAIT.search(prefer):
            return float(wait[1])
        return 0 if "respond-async" in prefer else None

    def arguments(self, path: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of the operation among the values of a path and of a body."""
        return {**body, **path}

    async def _told(self, request: Request, caller: Caller, *, raw: bool) -> dict[str, Any]:
        """Return what a refused request is about; of a short body, too, if the caller is known."""
        body: object = None
        if not raw and not caller.anonymous and _is_short(request):
            try:
                body = json.loads(await request.body())
            except (ValueError, RecursionError):
                body = None
        named = {
            key.lower(): value for key, value in (body if isinstance(body, dict) else {}).items()
        }
        return self.arguments(request.path_params, named)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        opening = opening_of(self)
        body = self.body_field
        raw = body is None or type(body.field_info).__name__ != "Body"

        async def admit(request: Request) -> Response:
            server: Server = request.app.state.debrepo
            try:
                caller = None
                if opening and server.session.db.shared:  # the event loop would wait for it
                    caller = await run_in_threadpool(opening.admit, request)
                elif opening:
                    caller = opening.admit(request)
            except NotAllowed:
                lacking: Lacking | None = getattr(request.state, "lacking", None)
                if lacking is None:
                    raise
                told = await self._told(request, lacking.caller, raw=raw)
                raise lacking.refusal(server.session, told) from None
            await self.check(request)
            if not raw and body is not None:
                request = await self.read(request, required=body.field_info.is_required())
                check_lists(await request.body(), server.session.config["server.list_length"])
            key = request.headers.get("idempotency-key")
            if request.method == "GET" and self._crowds and caller is not None:
                async with server.reading.turn(caller.name):
                    return await handle(request)
            if not key or caller is None or request.method != "POST":
                return await handle(request)
            body_read = None if raw else await request.body()
            return await server.replays.answer(key, caller, request, body_read, handle)

        return admit


def _is_short(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return length.isdecimal() and int(length) <= _SHORT


class Routes(APIRouter):
    """A plugin's routes with a common prefix: ``Routes(prefix="/api")``."""

    def __init__(
        self,
        *,
        prefix: str,
        tags: list[str] | None = None,
        body_limit: int | None = _BODY_LIMIT,
        route_class: type[Route] = Route,
    ) -> None:
        super().__init__(
            prefix=prefix,
            tags=[*(tags or [])],
            route_class=route_class,
            max_body_size=body_limit,
            responses={
                "4XX": {"model": ErrorAnswer, "description": "The request cannot be carried out"},
                "5XX": {"model": ErrorAnswer, "description": "The server, or one upstream, failed"},
            },
        )


def opening_of(route: object) -> Opening | None:
    """Return the `Opening` of a route; ``None`` if it has none."""
    if not isinstance(route, APIRoute):
        return None
    for dependency in route.dependant.dependencies:
        if isinstance(dependency.call, Opening):
            return dependency.call
    return None
