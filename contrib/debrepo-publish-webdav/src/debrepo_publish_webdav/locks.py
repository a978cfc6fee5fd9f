"""Locks of a WebDAV server (RFC 4918, section 9.10), with a name for their owner."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from debrepo.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo_publish_webdav.client import Client

NAME = "~debrepo-lock"

_LIFE = 60  # seconds; servers may give a lock less
_FRESH = 15.0  # seconds for which a lock is not asked for again
_WAIT = 120.0
_PAUSE = 0.1
_NO_LOCKS = frozenset({400, 405, 501})
_GONE = frozenset({400, 404, 409, 412, 423})  # it may have timed out
_REQUEST = (
    b'<?xml version="1.0" encoding="utf-8"?><lockinfo xmlns="DAV:"><lockscope><exclusive/>'
    b"</lockscope><locktype><write/></locktype><owner>debrepo</owner></lockinfo>"
)
_HEADERS = {"Depth": "0", "Timeout": f"Second-{_LIFE}"}


class HeldLock:
    """A lock that this process holds; without a token, the server has no locks."""

    def __init__(self, path: str, token: str) -> None:
        self.path = path
        self.token = token
        self._since = time.monotonic()

    def refresh(self, client: Client) -> None:
        """Let the lock last longer; raise `Conflict` if it is no longer held."""
        if not self.token or time.monotonic() - self._since < _FRESH:
            return
        headers = {**_HEADERS, "If": f"({self.token})"}
        answer = client.request("LOCK", self.path, headers=headers, accept=_GONE)
        other = answer.headers.get("Lock-Token", self.token)
        if other != self.token:  # nginx gives a new one where there is none
            _delete(client, self.path, other)
        if answer.status in _GONE or other != self.token:
            raise Conflict(
                f"publishing took longer than the lock {client.url(self.path)} lasts",
                hint="try again",
            )
        self._since = time.monotonic()


@contextmanager
def hold(client: Client, path: str, owner: str) -> Iterator[HeldLock]:
    """Hold the lock ``path``; wait for others, and raise `Conflict` if that takes too long.

    What is locked holds the owner and the token, so that a lock which was left by a killed
    process of the same owner can be taken back. Others wait until the server ends it.
    """
    held = HeldLock(path, _lock(client, path, owner))
    try:
        if held.token:
            body = f"{owner} {held.token}".encode()
            client.request("PUT", path, headers={"If": f"({held.token})"}, body=body)
        yield held
    finally:
        if held.token:
            _delete(client, path, held.token)


def _lock(client: Client, path: str, owner: str) -> str:
    """Return the token of a new lock, or nothing where the server has no locks."""
    headers = {**_HEADERS, "Content-Type": "application/xml"}
    deadline = time.monotonic() + _WAIT
    while True:
        answer = client.request(
            "LOCK", path, headers=headers, body=_REQUEST, accept=_NO_LOCKS | {423}
        )
        if answer.status in _NO_LOCKS:
            return ""
        if answer.status != 423:
            return answer.headers.get("Lock-Token", "")
        if token := _left_behind(client, path, owner):
            _delete(client, path, token)
        elif time.monotonic() > deadline:
            raise Conflict(
                f"somebody has kept {client.url(path)} locked for {_WAIT:.0f} seconds",
                hint="if nobody publishes there, delete it",
            )
        client.pause(_PAUSE)


def _left_behind(client: Client, path: str, owner: str) -> str:
    """Return the token of a lock that a process of this owner has left, if it is that."""
    found = client.request("GET", path, accept=frozenset({404})).body.decode(errors="replace")
    left, _, token = found.rpartition(" ")
    return token if left == owner else ""


def _delete(client: Client, path: str, token: str) -> None:
    headers = {"If": f"({token})"}
    client.request("DELETE", path, headers=headers, accept=_GONE)
    client.request("UNLOCK", path, headers={"Lock-Token": token}, accept=_GONE)
