"""Forms: cookies, and the proof that a form comes from a page of ours."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from fastapi import Request, Response

COOKIE = "debrepo-token"
_NONCE = "debrepo-nonce"
_SAID = "debrepo-said"
FIELD, HEADER = "form_token", "x-form-token"
_LONGEST = 300  # characters of what a page says about the last form


def secret(request: Request) -> str:
    """Return the token that a browser has signed in with; empty if it has not."""
    return "" if getattr(request.state, "expired", False) else request.cookies.get(COOKIE, "")


def expire(request: Request) -> None:
    """Take a browser for one that has not signed in: its token is not known any more."""
    request.state.expired = True


def token(request: Request) -> str:
    """Return what a form on the answer has to send as ``form_token``.

    Only a page of this server can know it: it is made from a cookie that other sites can neither
    read nor send (``SameSite=Strict``), and from the token of the caller.
    """
    return _token(_nonce(request), secret(request))


def keep(request: Request, response: Response) -> None:
    """Give the browser the cookie that `token` is made from, and take one that has expired."""
    if COOKIE in request.cookies and not secret(request):
        response.delete_cookie(COOKIE)
    if _NONCE not in request.cookies:
        response.set_cookie(
            _NONCE,
            _nonce(request),
            httponly=True,
            samesite="strict",
            secure=is_secure(request),
        )


def is_secure(request: Request) -> bool:
    """Whether the browser has come over TLS, as far as a proxy says so."""
    return "https" in {request.headers.get("x-forwarded-proto"), request.url.scheme}


def say(request: Request, response: Response, text: str) -> None:
    """Let the next page that the browser shows say what a form has done."""
    response.set_cookie(
        _SAID,
        quote(text[:_LONGEST]),
        path="/web",
        max_age=60,
        httponly=True,
        samesite="strict",
        secure=is_secure(request),
    )


def said(request: Request) -> str:
    """Return what `say` has left for this page."""
    return unquote(request.cookies.get(_SAID, ""))[:_LONGEST]


def heard(response: Response) -> None:
    """Delete what `said` has returned: only one page says it."""
    response.delete_cookie(_SAID, path="/web", httponly=True, samesite="strict")


def own(address: str) -> str:
    """Return an address if it is one of a page here; nobody is sent elsewhere."""
    is_page = address == "/" or address == "/web" or address.startswith("/web/")
    return address if is_page and "\\" not in address and address.isprintable() else "/web"


async def check(request: Request) -> None:
    """Raise `InvalidInput` unless the form carries the token of `token`."""
    sent = request.headers.get(HEADER)
    if sent is None:
        sent = str((await request.form()).get(FIELD, ""))
    check_sent(request, sent)


def check_sent(request: Request, sent: str) -> None:
    """Raise `InvalidInput` unless ``sent`` is the token that a form of ours has."""
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
