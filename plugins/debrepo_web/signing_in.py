"""``/web/login``: sign in with a token, and out."""

from typing import Annotated

from fastapi import Form, Request, Response
from starlette.responses import RedirectResponse

from debrepo.errors import NotAuthenticated
from debrepo.http import Door, Server, opens
from debrepo_web import forms, rendering
from debrepo_web.routing import pages

routes = pages()

Anybody = Annotated[Door, opens(scope="public")]


@routes.get("/login", include_in_schema=False)
def ask(request: Request, door: Anybody, next: str = "/web") -> Response:
    """Ask for a token."""
    return rendering.page(request, "sign_in.html", said="", next=forms.own(next))


@routes.post("/login", include_in_schema=False)
def sign_in(
    request: Request,
    door: Anybody,
    token: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/web",
) -> Response:
    """Store a token in a cookie of the browser."""
    secret = token.strip() or "none"
    try:
        _authenticate(request, secret)
    except NotAuthenticated as error:
        return rendering.page(
            request, "sign_in.html", status=401, said=str(error), next=forms.own(next)
        )
    response = RedirectResponse(forms.own(next), 303)
    response.set_cookie(
        forms.COOKIE, secret, httponly=True, samesite="lax", secure=forms.is_secure(request)
    )
    return response


@routes.post("/logout", include_in_schema=False)
def sign_out(request: Request, door: Anybody) -> Response:
    """Delete the cookie with the token."""
    response = RedirectResponse("/web/login", 303)
    response.delete_cookie(forms.COOKIE)
    return response


def _authenticate(request: Request, secret: str) -> None:
    """Raise `NotAuthenticated` unless the server knows a token."""
    server: Server = request.app.state.debrepo
    bearer = (b"authorization", b"Bearer " + secret.encode("latin-1", "replace"))
    plain = [(name, value) for name, value in request.scope["headers"] if name != b"authorization"]
    server.authenticate(Request({**request.scope, "headers": [*plain, bearer]}))
