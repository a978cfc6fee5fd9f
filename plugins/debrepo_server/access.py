"""Access: authenticate requests and limit their rate."""

from __future__ import annotations

import base64
import pwd
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from debrepo.errors import NotAllowed, NotAuthenticated
from debrepo.http import Caller
from debrepo_server import tokens
from debrepo_server.rates import Rates

if TYPE_CHECKING:
    from fastapi import Request

    from debrepo.session import Session

#: Headers whose value is a token; GitLab clients send the last three.
_HEADERS = (b"x-debrepo-token", b"private-token", b"deploy-token", b"job-token")
_WRONG_PER_SECOND, _WRONG_AT_ONCE = 0.2, 20.0


class Access:
    """Authenticates callers by token, by Unix socket, or as anonymous."""

    def __init__(self, session: Session, *, trusting: bool) -> None:
        self._session = session
        self._anonymous = ("admin",) if trusting else tuple(session.config["server.anonymous"])
        #: Whether callers without a token may do everything.
        self.trusting = "admin" in self._anonymous
        rate = float(session.config["server.requests_per_second"])
        self._requests = Rates("requests", rate, 2 * rate)
        self._wrong = Rates("wrong", _WRONG_PER_SECOND, _WRONG_AT_ONCE)
        self.rates = (self._requests, self._wrong)  #: that servers count together

    def authenticate(self, request: Request) -> Caller:
        """Return who is asking; raise `NotAuthenticated` for a token that is not known."""
        host = request.client.host if request.client else ""
        secret = _secret(request)
        if secret:
            caller = self._owner(secret, host)
        elif self.trusting and host.startswith("uid:"):  # who may open the socket may do all
            caller = Caller(_user(int(host.removeprefix("uid:"))), ("admin",))
        else:
            caller = Caller(f"anonymous@{host}", self._anonymous, anonymous=True)
            self._refuse_other_sites(request)
        self._requests.take(caller.name if secret else host)
        return caller

    def _owner(self, secret: str, host: str) -> Caller:
        """Return who has a token; that of a plugin takes away nothing that callers without have."""
        with self._session.db.read() as txn:
            token = tokens.find(txn, secret)
            if token is not None:
                return token.caller()
            caller: Caller | None = self._session.hook.debrepo_authenticate(txn=txn, secret=secret)
        if caller is None:
            self._wrong.take(host)  # valid tokens from the same host or proxy are not limited
            raise NotAuthenticated(
                "this token is not known, or has expired", hint='run "debrepo token list"'
            )
        if self.trusting:
            return caller
        return caller._replace(scopes=(*caller.scopes, *self._anonymous))

    def _refuse_other_sites(self, request: Request) -> None:
        """Refuse requests that a page of another site makes in the browser of a trusted user.

        DNS rebinding is refused earlier: see `debrepo_server.hosts`.
        """
        origin = request.headers.get("origin")
        if not origin:
            return
        try:
            same = urlsplit(origin).netloc == request.headers.get("host")
        except ValueError:
            same = False
        if not same:
            raise NotAllowed(
                f"pages of {origin[:200]!r} may not send requests here without a token"
            )


def _secret(request: Request) -> str:
    """Return the token that a request carries, or the empty string."""
    headers: dict[bytes, bytes] = dict(reversed(request.scope["headers"]))  # the first counts
    for header in _HEADERS:
        if token := headers.get(header):
            return token.decode("latin-1")
    kind, _, value = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
        except ValueError:
            raise NotAuthenticated("the Authorization header is malformed") from None
    return ""


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
