"""The protocol: uvicorn's HTTP/1.1, with peer credentials, timeouts and connection limits."""

from __future__ import annotations

import json
import logging
import re
import resource
import socket
import struct
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from debrepo_server.head_buffer import HeadBuffer
from debrepo_server.hosts import TARGET_HOST
from debrepo_server.watches import leave

if TYPE_CHECKING:
    from asyncio import TimerHandle, Transport

    from debrepo_server.repeating import Repeater

_log = logging.getLogger("debrepo.server")
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid
_HEAD_LIMIT = 64 << 10  # bytes of a request line and its headers
_HEAD_PATIENCE = 30.0  # seconds in which the head of a request must arrive
_ANSWER_PATIENCE = 120.0  # seconds in which a client may read nothing of the answer
_SPARE = 16  # minimum number of file descriptors for anything but connections


class Protocol(HttpToolsProtocol):
    """HTTP/1.1, where the client's host is ``uid:1000`` if it came through a Unix socket."""

    _deadline: TimerHandle | None = None
    _in_body = False
    _repeated = False  # whether the request that is being read has its answer
    _head = 0  # bytes of an incomplete head
    _since = 0.0  # time of the last activity
    most: ClassVar[float] = float("inf")  #: maximum number of connections
    crowded: ClassVar[bool] = False  #: whether the limit was logged
    repeat: ClassVar[Repeater | None] = None  #: finds stored answers

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        self._buffer = HeadBuffer(transport)
        super().connection_made(self._buffer)  # type: ignore[arg-type]
        self._since = self.loop.time()
        if len(self.connections) > self.most and not self._make_room():
            self._refuse(503, "too many requests are in progress")
            return
        peer = transport.get_extra_info("socket")
        if peer is not None and peer.family != socket.AF_UNIX:
            # asyncio does so only where the protocol number was given to socket(); without it
            # an answer waits 40 ms for the client to acknowledge its headers.
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            patience = int(_ANSWER_PATIENCE * 1000)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)
        elif peer is not None:
            found = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            pid, uid, _ = _CREDENTIALS.unpack(found)
            self.client = (f"uid:{uid}", pid)
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_deadline()
        if self.cycle is not None and not self.cycle.response_complete:
            leave(self.cycle.scope["state"])
        super().connection_lost(exc)
        if len(self.connections) < self.most // 2:
            type(self).crowded = False

    def _make_room(self) -> bool:
        """Close the connection that has been idle for the longest time, if any is idle."""
        if not self.crowded:
            type(self).crowded = True
            _log.warning(
                "%d connections are open: closing the longest idle (server.connections, ulimit -n)",
                len(self.connections) - 1,
            )
        idle = [
            other
            for other in self.connections
            if isinstance(other, Protocol) and other is not self and other.is_idle
        ]
        if not idle:
            return False
        idlest = min(idle, key=lambda other: other._since)  # noqa: SLF001  # of the same class
        idlest.transport.abort()
        return True

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress."""
        done = self.cycle is None or self.cycle.response_complete
        return done and not self._in_body and not self.transport.is_closing()

    def data_received(self, data: bytes) -> None:
        self._since = self.loop.time()
        self._head += 0 if self._in_body else len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._head > _HEAD_LIMIT:
            self._refuse(431, f"the headers have more than {_HEAD_LIMIT} bytes")
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._set_deadline()

    def on_headers_complete(self) -> None:
        self._in_body, self._head = True, 0  # bytes of later requests are not counted
        self._clear_deadline()
        if not self.url.startswith((b"/", b"*")):  # its host may differ from the Host header
            self.scope["state"][TARGET_HOST] = _host(self.url)
        elif self._send_stored():
            return
        super().on_headers_complete()

    def _send_stored(self) -> bool:
        """Send the stored answer to a request, if there is one; uvicorn would start a task."""
        parser, repeat = self.parser, self.repeat
        if repeat is None or parser.get_method() != b"GET" or not parser.should_keep_alive():
            return False
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy or self.flow.write_paused or parser.get_http_version() != "1.1":
            return False
        found = repeat({**self.scope}, self.url)
        if found is None:
            return False
        line, headers, body = found
        own = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        self._repeated = True
        self.transport.write(b"".join((line, *own, headers, body)))
        self.on_response_complete()
        return True

    def on_message_complete(self) -> None:
        self._in_body = False
        if self._repeated:
            self._repeated = False
            return
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        self._buffer.flush()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "malformed HTTP request")

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(_HEAD_PATIENCE, self._too_late)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._refuse(408, f"no request came within {_HEAD_PATIENCE:.0f} seconds")

    def _refuse(self, status: int, said: str) -> None:
        """Answer with an error, and close the connection."""
        if self.transport.is_closing():
            return
        body = json.dumps({"error": said}).encode()
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def capacity(wanted: int) -> int:
    """Return how many connections may be open: ``wanted``, or fewer where files are limited."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    there = sum(1 for _ in Path("/proc/self/fd").iterdir())
    possible = max(4, limit - there - max(_SPARE, limit // 4))
    return min(wanted, possible) if wanted else possible


def _host(url: bytes) -> bytes:
    """Return host and port of a request target in absolute form."""
    return re.split(rb"[/?#]", url.partition(b"//")[2], maxsplit=1)[0]
