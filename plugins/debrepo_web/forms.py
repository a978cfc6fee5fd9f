"""Forms: cookies, and the proof that a form comes from a page of ours."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from fastapi import Request, Response

COOKIE = "debrepo-token"
_NONCE = "debrepo-nonce"
_FIELD, _HEADER = "form_token", "x-form-token"


def secret(request: Request) -> str:
    """Return the token that a browser has signed in with; empty if it has not."""
    return request.cookies.get(COOKIE, "")


def token(request: Request) -> str:
    """Return what a form on the answer has to send as ``form_token``.

    Only a page of this server can know it: it is made from a cookie that other sites can neither
    read nor send (``SameSite=Strict``), and from the token of the caller.
    """
    return _token(_nonce(request), secret(request))


def keep(request: Request, response: Response) -> None:
    """Give the browser the cookie that `token` is made from."""
    if _NONCE not in request.cookies:
        response.set_cookie(
            _NONCE,
            _nonce(request),
            path="/web",
            httponly=True,
            samesite="strict",
            secure=is_secure(request),
        )


def is_secure(request: Request) -> bool:
    """Whether the browser has come over TLS, as far as a proxy says so."""
    return "https" in {request.headers.get("x-forwarded-proto"), request.url.scheme}


async def check(request: Request) -> None:
    """Raise `InvalidInput` unless the form carries the token of `token`."""
    sent = request.headers.get(_HEADER)
    if sent is None:
        sent = str((await request.form()).get(_FIELD, ""))
    nonce = request.cookies.get(_NONCE, "")
    if not nonce or not hmac.compare_digest(sent.encode(), _token(nonce, secret(request)).encode()):
        raise InvalidInput(
            "this form was not sent by a page of this server, or the page is too old",
            hint="go back, load the page again, and send the form once more",
        )


def _nonce(request: Request) -> str:
    """Return the nonce of a browser, made on the first page that it asks for."""
    known: str | None = request.cookies.get(_NONCE) or getattr(request.state, "nonce", None)
    if not known:
        known = request.state.nonce = secrets.token_urlsafe(18)
    return known


def _token(nonce: str, token: str) -> str:
    return hmac.new(nonce.encode(), b"form " + token.encode(), "sha256").hexdigest()
