"""Routes of pages: callers known by a cookie, forms that only our pages send, errors as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from debrepo.errors import DebrepoError, NotAuthenticated
from debrepo.http import Route, Routes
from debrepo_web import forms, rendering

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_CREDENTIALS = ("authorization", "x-debrepo-token", "private-token", "deploy-token", "job-token")


class PageRoute(Route):
    """A route that browsers use: its caller may be known by the cookie of `debrepo_web.signing_in`.

    The cookie counts on these routes alone: no form of another site reaches the API with it.
    """

    async def check(self, request: Request) -> None:
        """Refuse a form that none of our pages has sent."""
        if request.method not in {"GET", "HEAD"}:
            await forms.check(request)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def closed(request: Request) -> Response:
            try:
                return await handle(request)
            finally:
                await request.close()  # files of a form that nobody has asked for

        async def signed_in(request: Request) -> Response:
            known = _with_token(request)
            try:
                return await closed(known)
            except NotAuthenticated:
                if known is request:
                    raise
                forms.expire(request)  # before anything was read of the request
                return await closed(request)

        async def answer(request: Request) -> Response:
            try:
                return await signed_in(request)
            except (DebrepoError, RequestValidationError, HTTPException) as error:
                if "text/html" not in request.headers.get("accept", ""):
                    raise
                return rendering.failure(request, error)

        return answer


class UploadRoute(PageRoute):
    """A route for files, which checks their form as it arrives: its token is before the files."""

    async def check(self, request: Request) -> None:
        if forms.HEADER in request.headers:
            await forms.check(request)


def pages(*, prefix: str = "/web") -> Routes:
    """Return an empty set of routes of pages."""
    return Routes(prefix=prefix, tags=["pages"], route_class=PageRoute, body_limit=1 << 20)


def uploads(*, prefix: str = "/web") -> Routes:
    """Return an empty set of routes for files; bodies are streamed, and may have any length."""
    return Routes(prefix=prefix, tags=["pages"], route_class=UploadRoute, body_limit=None)


def see(request: Request, address: str, said: str = "") -> Response:
    """Return the answer to a form: the browser goes to a page, which says what was done."""
    response = RedirectResponse(address, 303)
    if said:
        forms.say(request, response, said)
    return response


def _with_token(request: Request) -> Request:
    """Return the request with the token of its cookie, if it has no other."""
    secret = forms.secret(request)
    if not secret or any(name in request.headers for name in _CREDENTIALS):
        return request
    header = (b"authorization", b"Bearer " + secret.encode("latin-1", "replace"))
    scope = {**request.scope, "headers": [*request.scope["headers"], header]}
    return Request(scope, request.receive)
