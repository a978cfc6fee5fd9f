"""A proxy that cuts connections, for storages that speak any protocol over TCP."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from select import select
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What may happen to a connection: ``sent`` cuts it before what the client sends has got to the
#: service, ``answered`` when the service answers, before the client hears of it.
Cut = Literal["sent", "answered"]
CUTS: tuple[Cut, ...] = ("sent", "answered")

_BLOCK = 1 << 16


class CuttingProxy(ThreadingTCPServer):
    """A proxy to ``127.0.0.1:target``, which cuts connections when it is told to.

    ``cuts`` are cuts for the next things that happen; ``gone`` says that nobody is there: every
    connection ends at once. ``made`` counts the cuts so far.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, target: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.cuts: list[Cut] = []
        self.gone = False
        self.made = 0
        self._open: set[socket.socket] = set()
        self._deciding = threading.Lock()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def cut_all(self) -> None:
        """End all connections that are open, as a service does with idle ones."""
        with self._deciding:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def is_cut(self, kind: Cut) -> bool:
        """Return whether a connection on which this happens is to be cut."""
        with self._deciding:
            cut = self.gone or self.cuts[:1] == [kind]
            if cut:
                self.made += 1
                del self.cuts[:1]
            return cut

    @contextmanager
    def known(self, connection: socket.socket) -> Iterator[None]:
        """Let `cut_all` cut this connection."""
        with self._deciding:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._deciding:
                self._open.discard(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that were cut."""


class _Handler(BaseRequestHandler):
    server: CuttingProxy

    def handle(self) -> None:
        client: socket.socket = self.request
        if self.server.gone:
            return
        with (
            self.server.known(client),
            socket.create_connection(("127.0.0.1", self.server.target)) as service,
        ):
            for end in (client, service):  # or each answer waits until the one before is confirmed
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                ready = select([client, service], [], [])[0]
                if client in ready and not self._pass(client, service, "sent"):
                    return
                if service in ready and not self._pass(service, client, "answered"):
                    return

    def _pass(self, source: socket.socket, target: socket.socket, kind: Cut) -> bool:
        """Pass on what has come; return whether the connection goes on."""
        data = source.recv(_BLOCK)
        if not data or self.server.is_cut(kind):
            return False
        target.sendall(data)
        return True
