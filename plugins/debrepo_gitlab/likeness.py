"""Parameters, pages, answers and errors as GitLab's clients expect them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote, urlencode

from fastapi.routing import APIRoute, APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Match

from debrepo import errors
from debrepo.http import Route, json_answer, opening_of, status_of
from debrepo.http.receiving import TooLarge
from debrepo_gitlab import refusals
from debrepo_gitlab.entrances import Entrance

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from fastapi import Request
    from starlette.types import Receive, Scope, Send

    from debrepo.session import Session

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_NOUNS = {
    refusals.NoProject: "Project",
    refusals.NoGroup: "Group",
    refusals.NoDistribution: "Distribution",
    refusals.NoKey: "Distribution key",
    refusals.NoPackage: "Package",
}
_TRUE, _FALSE = frozenset(["true", "t", "1", "on"]), frozenset(["false", "f", "0", "off"])
_PER_PAGE, _MOST = 20, 100
_SOON = "2"  # seconds until a client may try again
_COUNTED = 10_000  # rows; totals above that are not sent


class Pageable(Protocol[T_co]):
    """Rows that are counted, and of which a part can be read."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Sequence[T_co]: ...


class GitlabError(BaseModel):
    """An error: ``error`` for a parameter, ``message`` for anything else."""

    error: str | None = None
    message: str | dict[str, list[str]] | None = None


class GitlabRoute(Route):
    """A route that reports errors as GitLab does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        entrance = opening_of(self)
        basic = isinstance(entrance, Entrance) and entrance.basic

        async def translated(request: Request) -> Response:
            try:
                return await handle(request)
            except refusals.Moved as moved:
                return _moved(request, moved)
            except errors.DebrepoError as error:
                return refusal(error, text=basic)

        return translated

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = super().matches(scope)
        if found[0] is Match.NONE and scope["path"].startswith("/api/v4/"):
            return APIRoute.matches(self, scope)  # another method may match
        return found

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.methods and scope["method"] not in self.methods:
            answer = JSONResponse({"error": "405 Not Allowed"}, 405)
            routes = (one for one in scope["app"].routes if isinstance(one, GitlabRoute))
            there = [one for one in routes if APIRoute.matches(one, scope)[0] is not Match.NONE]
            allowed = self.methods.union(*(one.methods or () for one in there))
            answer.headers["Allow"] = ", ".join(sorted(allowed))
            await answer(scope, receive, send)
            return
        await super().handle(scope, receive, send)


class GitlabRoutes(APIRouter):
    """Routes below ``/api/v4``."""

    def __init__(self, *, tags: list[str]) -> None:
        super().__init__(
            prefix="/api/v4",
            tags=[*tags],
            route_class=GitlabRoute,
            responses={
                "4XX": {"model": GitlabError, "description": "The request cannot be carried out"},
                "5XX": {"model": GitlabError, "description": "The server, or one upstream, failed"},
            },
        )

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route; one for GET takes HEAD, too, which clients send for the headers."""
        super().add_api_route(path, endpoint, **options)
        if options.get("methods") == ["GET"]:
            hidden = {**options, "methods": ["HEAD"], "include_in_schema": False}
            super().add_api_route(path, endpoint, **hidden)


def _moved(request: Request, moved: refusals.Moved) -> Response:
    """Return the redirect from the old path of a project or group; only reading follows it."""
    if request.method not in {"GET", "HEAD"}:
        said = f"405 Non GET methods are not allowed for moved {moved.kind}s"
        return JSONResponse({"message": said}, 405)
    path = request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0]
    parts = (path or quote(request.url.path)).split("/")  # /api/v4/projects/ID/...
    parts[4] = str(moved.number)
    query = request.scope["query_string"].decode("latin-1")
    return Response(
        status_code=301, headers={"Location": "/".join(parts) + (f"?{query}" if query else "")}
    )


def refusal(error: errors.DebrepoError, *, text: bool) -> Response:
    """Return the response for an error, as text if ``text``."""
    status, body = _said(error)
    plain = body.get("error") if "error" in body else json.dumps(body, ensure_ascii=False)
    response = PlainTextResponse(plain, status) if text else json_answer(body, status)
    if text and status == 401:  # apt and dput send credentials only after this
        response.headers["WWW-Authenticate"] = 'Basic realm="debrepo", charset="UTF-8"'
    if status == 503:
        response.headers["Retry-After"] = _SOON
    return response


def _said(error: errors.DebrepoError) -> tuple[int, dict[str, Any]]:
    message: object
    status = 400
    if isinstance(error, refusals.Malformed):
        return status, {"error": str(error)}
    if isinstance(error, refusals.Invalid):
        message = error.faults or str(error)
    elif isinstance(error, errors.NotAuthenticated):
        status, message = 401, "401 Unauthorized"
    elif isinstance(error, errors.NotAllowed):
        status, message = 403, "403 Forbidden"
    elif isinstance(error, errors.NotFound):
        noun = _NOUNS.get(type(error))
        status, message = 404, f"404 {noun} Not Found" if noun else "404 Not Found"
    elif isinstance(error, TooLarge):
        message = "400 Bad request - File is too large"
    elif isinstance(error, errors.Conflict):
        status, message = 409, "409 Conflict"
    elif isinstance(error, (refusals.NotPublished, errors.SigningFailed)):
        status, message = 503, f"503 {error}"  # for the server's owner to repair; clients try again
    elif isinstance(error, (errors.RemoteError, errors.DatabaseError, errors.PluginError)):
        status = status_of(error)
        message = f"{status} {error}"
    else:
        hint = f" ({error.hint})" if error.hint else ""
        message = f"400 Bad request - {error}{hint}"
    return status, {"message": message}


async def parameters(request: Request) -> dict[str, str | list[str]]:
    """Return the parameters in the query, a form or JSON; the latter take precedence."""
    pairs: list[tuple[str, Any]] = list(request.query_params.multi_items())
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        data = await request.body()
        try:
            sent = json.loads(data) if data else {}
        except (ValueError, RecursionError):
            raise refusals.Malformed("the body is not JSON") from None
        if not isinstance(sent, dict):
            raise refusals.Malformed("the body is no JSON object")
        pairs += sent.items()
    elif kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        async with request.form(max_files=0) as form:
            pairs += form.multi_items()
    found: dict[str, str | list[str]] = {}
    for name, value in pairs:
        if name.endswith("[]") and not isinstance(value, list):
            many = found.setdefault(name[:-2], [])
            if isinstance(many, list):
                many.append(str(value))
        elif isinstance(value, list):
            found[name.removesuffix("[]")] = [str(one) for one in value]
        elif isinstance(value, (str, int, float, bool)):
            found[name] = str(value)
        elif value is None:
            found[name] = ""
        else:
            raise refusals.Malformed(f"{name[:80]} is invalid")
    return found


def choice(given: str | None, name: str, known: Sequence[str]) -> str:
    """Return a parameter; the first of the known values is the default."""
    if given is None:
        return known[0]
    if given not in known:
        raise refusals.Malformed(f"{name} does not have a valid value")
    return given


def flag(given: str | None, name: str) -> bool:
    """Return a boolean parameter."""
    if given is None or given == "":
        return False
    if given.lower() not in _TRUE | _FALSE:
        raise refusals.Malformed(f"{name} is invalid")
    return given.lower() in _TRUE


def words(given: str | list[str]) -> list[str]:
    """Return the elements of an array in any encoding, without duplicates."""
    texts = given if isinstance(given, list) else [given]
    split = [word.strip() for text in texts for word in text.split(",")]
    return list(dict.fromkeys(word for word in split if word))


def page(
    session: Session,
    request: Request,
    rows: Pageable[T],
    show: Callable[[T], object] | None = None,
) -> Response:
    """Return the requested page of a list, with links to the other pages.

    ``show`` is called for the rows of the page only.
    """
    number, size = _count(request, "page", 1), min(_count(request, "per_page", _PER_PAGE), _MOST)
    total = len(rows)
    pages = max(1, -(-total // size))
    part = rows[(number - 1) * size : number * size]
    response = json_answer(part if show is None else [show(row) for row in part])
    following = str(number + 1) if number < pages else ""
    before = str(number - 1) if 1 < number <= pages else ""
    headers = {
        "X-Per-Page": str(size),
        "X-Page": str(number),
        "X-Next-Page": following,
        "X-Prev-Page": before,
    }
    relations = {"prev": before, "next": following, "first": "1"}
    if total <= _COUNTED:
        headers |= {"X-Total": str(total), "X-Total-Pages": str(pages)}
        relations["last"] = str(pages)
    links = [
        f'<{_url(session, request, page=to, per_page=str(size))}>; rel="{name}"'
        for name, to in relations.items()
        if to
    ]
    response.headers.update({**headers, "Link": ", ".join(links)})
    return response


def _count(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.removeprefix("-").isdecimal() or len(text) > 9:
        raise refusals.Malformed(f"{name} is invalid")
    if int(text) < 1:
        raise refusals.Malformed(f"{name} does not have a valid value")
    return int(text)


def _url(session: Session, request: Request, **more: str) -> str:
    """Return the URL of a page, with its parameters in alphabetical order."""
    given = {k: v for k, v in request.query_params.items() if k != "private_token"}
    path = request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0]
    every = {**given, **request.path_params, **more}
    address = f"{base_url(session, request)}{path or request.url.path}"
    return f"{address}?{urlencode(sorted(every.items()))}"


def base_url(session: Session, request: Request) -> str:
    """Return the URL of this server, without a slash at its end."""
    return str(session.config["gitlab.url"]).rstrip("/") or str(request.base_url).rstrip("/")
