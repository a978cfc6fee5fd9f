"""The protocol: uvicorn's, that knows who is at the other end of a Unix socket."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from asyncio import Transport

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class Protocol(HttpToolsProtocol):
    """HTTP/1.1, where the client's host is ``uid:1000`` if it came through a Unix socket."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = transport.get_extra_info("socket")
        if peer is not None and peer.family != socket.AF_UNIX:
            # asyncio does so only where the protocol number was given to socket(); without it
            # an answer waits 40 ms for the client to acknowledge its headers.
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        elif peer is not None:
            found = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            pid, uid, _ = _CREDENTIALS.unpack(found)
            self.client = (f"uid:{uid}", pid)
