"""Connections to a server: how they are made, and how a server that went silent is noticed."""

from __future__ import annotations

import http.client
import io
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from debrepo.errors import InvalidInput, RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Probes of an idle connection find a host that is gone; an answer may take hours.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
_BRIEF = 1000  # bytes; more of an answer that says whether a server is alive is not read


class Silent(RemoteError):
    """A server accepts connections, and does not answer."""


def connect(url: str, seconds: float) -> http.client.HTTPConnection:
    """Return a connection to a server.

    ``seconds`` limits how long connecting takes, and sending a block. An answer may take
    longer: whenever nothing has come for so long, the server is asked on a second connection
    whether it is alive, and `Silent` is raised if it does not answer that within ``seconds``.
    """
    connection = _connection(url, seconds)

    def check() -> None:
        if not _is_alive(_connection(url, seconds)):
            raise silent(url, seconds)

    def respond(sock: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(sock, *args, **kwargs)
        response.fp = io.BufferedReader(_Reader(sock, response.fp, check))
        return response

    connection.response_class = respond  # type: ignore[assignment]  # only ever called
    return connection


def silent(url: str, seconds: float) -> Silent:
    """Return the error about a server that does not answer."""
    return Silent(
        f"{url} has not answered for {seconds:g} seconds",
        hint="look at the server's log; DEBREPO_SERVER_TIMEOUT sets how long to wait",
    )


def timeout(text: str) -> float:
    """Return the seconds that DEBREPO_SERVER_TIMEOUT gives."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86400:
        raise InvalidInput(
            f"DEBREPO_SERVER_TIMEOUT is {text!r}", hint="give a number of seconds, up to 86400"
        )
    return seconds


class _Reader(io.RawIOBase):
    """What a server sends. Reading goes on after a timeout while ``check`` does not raise."""

    def __init__(self, sock: socket.socket, owner: Any, check: Callable[[], None]) -> None:
        self._sock = sock
        self._owner = owner  # keeps the socket open after `HTTPConnection.close`
        self._check = check

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            try:
                return self._sock.recv_into(buffer)
            except TimeoutError:
                self._check()

    def close(self) -> None:
        self._owner.close()
        super().close()


def _is_alive(connection: http.client.HTTPConnection) -> bool:
    """Whether a server answers. What it says does not matter, but a 5xx may be a proxy's."""
    with suppress(OSError, http.client.HTTPException):
        try:
            connection.request("GET", "/api/healthy")
            with connection.getresponse() as response:
                response.read(_BRIEF)
                return response.status < 500
        finally:
            connection.close()
    return False


class _TcpConnection(http.client.HTTPConnection):
    """A connection that notices when the other host is gone."""

    def connect(self) -> None:
        super().connect()
        _keep_alive(self.sock)


class _TlsConnection(http.client.HTTPSConnection):
    """As `_TcpConnection`, with TLS."""

    def connect(self) -> None:
        super().connect()
        _keep_alive(self.sock)


class _UnixConnection(http.client.HTTPConnection):
    """A connection to a Unix socket."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _keep_alive(sock: socket.socket) -> None:
    """Have the kernel probe an idle connection."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):  # macOS lacks some
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _connection(url: str, seconds: float) -> http.client.HTTPConnection:
    if url.startswith("unix:"):
        return _UnixConnection(url.removeprefix("unix:").removeprefix("//"), seconds)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    more = parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in {"http", "https"} or not host or more:
        raise InvalidInput(f"not a server: {url!r}", hint="give http://HOST:PORT or unix:PATH")
    if parts.scheme == "https":
        return _TlsConnection(host, port or http.client.HTTPS_PORT, timeout=seconds)
    return _TcpConnection(host, port or http.client.HTTP_PORT, timeout=seconds)
