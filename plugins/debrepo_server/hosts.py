"""Hosts: check the Host header, against DNS rebinding."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from socket import gethostname
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput
from debrepo.http import json_answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

#: Key in the state of the scope for the host of a request target in absolute form.
TARGET_HOST = "target_host"

_HOST = re.compile(
    r"(?P<name>[a-z0-9_.-]{1,255}|\[[0-9a-f:.]{2,45}\])(:(?P<port>[0-9]{0,5}))?", re.I
)
_NAME = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.I)
_SLASHES = (b"/", b"%2F", b"%2f")
_LOOPBACK = ("localhost", "*.localhost", "ip6-localhost", "ip6-loopback")


class Hosts:
    """The names that a server answers to.

    With DNS rebinding, a page resolves its own host name to this server, and the browser lets
    it read the answers. The ``Host`` header then holds the page's name, which is refused. IP
    addresses are always accepted, as they cannot be rebound.
    """

    def __init__(self, configured: Iterable[str], *, trusting: bool, listen: str = "") -> None:
        configured = tuple(configured)
        self.trusting = trusting  #: whether clients need no token
        #: Whether any name is accepted: by configuration, or because clients need a token.
        self.any = "*" in configured or not (configured or trusting)
        own = (*_LOOPBACK, gethostname(), *([listen] if listen else []))
        names = [_checked(name) for name in configured if name != "*"] + [_plain(n) for n in own]
        self._exact = frozenset(name for name in names if not name.startswith("*."))
        self._below = tuple(name.removeprefix("*") for name in names if name.startswith("*."))

    def has(self, name: str) -> bool:
        """Whether the server answers to a name or an address."""
        return self.any or _is_address(name) or name in self._exact or name.endswith(self._below)


class Hosted:
    """Refuses requests with a missing, malformed or foreign Host header."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        said = [value for name, value in scope["headers"] if name == b"host"]
        if len(said) > 1:
            return _bad("the request has two Host headers")
        if not said and scope["http_version"] != "1.0":  # no browser speaks 1.0
            return _bad("the request has no Host header")
        by_path = _by_path(scope)
        target = scope.get("state", {}).get(TARGET_HOST)
        for host in (*said, *([target] if target is not None else [])):
            if by_path and host.startswith(_SLASHES):  # some clients send the path of the socket
                continue
            name = _name(host)
            if name is None:
                return _bad(f"the Host is malformed: {host[:80].decode('latin-1')!r}")
            direct = by_path and self._hosts.trusting  # else it may come from a proxy, for browsers
            if not (direct or self._hosts.has(name)):
                return _misdirected(name)
        return None


@lru_cache(256)
def _name(host: bytes) -> str | None:
    """Return the name or address that a ``Host`` header holds; ``None`` if it is malformed."""
    found = _HOST.fullmatch(host.decode("latin-1"))
    if found is None or int(found["port"] or 0) > 65535:
        return None
    if not found["name"].startswith("["):
        return _plain(found["name"]) or None
    name = found["name"][1:-1]
    return name if _is_address(name) else None


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _checked(name: str) -> str:
    """Return a name of ``server.hosts`` as it is compared."""
    plain = _plain(name).strip("[]")
    if not (_NAME.fullmatch(plain) or _is_address(plain)):
        raise InvalidInput(
            f"server.hosts: {name[:80]!r} is not the name of a host",
            hint="give names without a port, as repo.example.org or *.example.org; or *",
        )
    return plain


@lru_cache(256)
def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _by_path(scope: Scope) -> bool:
    """Whether a request came through a Unix socket, which browsers cannot use."""
    return bool(scope["client"]) and scope["client"][0].startswith("uid:")


def _bad(said: str) -> Response:
    return json_answer({"error": said, "kind": "InvalidInput"}, 400)


def _misdirected(name: str) -> Response:
    return json_answer(
        {
            "error": f"this server is not called {name[:255]!r}",
            "hint": f'if it is, add "{name[:255]}" to the setting server.hosts',
            "kind": "NotAllowed",
        },
        421,
    )
