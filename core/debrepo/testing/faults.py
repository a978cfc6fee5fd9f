"""A proxy that breaks the requests it is told to, for storages that speak HTTP."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from select import select
from socketserver import BaseServer
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

Proxy = TypeVar("Proxy", bound=BaseServer)

PATIENCE = 60  # seconds that a request hangs, if the client does not give up

#: What may happen to a request. ``reset`` and ``hang`` keep it from the server; ``lost`` lets
#: it through and loses the answer, ``truncated`` loses the second half of that; nothing: nothing.
Fault = Literal["", "500", "503", "reset", "hang", "lost", "truncated"]
FAULTS: tuple[Fault, ...] = ("500", "503", "reset", "lost", "truncated")


class Request(NamedTuple):
    """A request as it came; the names of headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """An answer; the length of its body is sent without being told."""

    status: int
    headers: dict[str, str]
    body: bytes


class FaultProxy(ThreadingHTTPServer):
    """A proxy to ``127.0.0.1:target``, which breaks what ``faults`` says, in that order.

    ``faults`` maps a method, or ``*`` for any, to faults for the next requests of that kind.
    ``alive`` counts the requests after which the server is dead; ``None``: never. ``seen`` are
    the requests so far, ``outwaited`` those that hung for longer than anybody should wait. A
    subclass may `check` requests as a stricter server would.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, target: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.deciding = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Break nothing, and discard what was seen."""
        self.faults: dict[str, list[Fault]] = {}
        self.alive: int | None = None
        self.seen: list[Request] = []
        self.outwaited: list[Request] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def check(self, request: Request) -> Reply | None:
        """Return a refusal, if a server should refuse this request although the target won't."""
        return None

    def fault(self, request: Request) -> Fault:
        """Return what is to happen to a request that has just come in."""
        with self.deciding:
            self.seen.append(request)
            if self.alive is not None:
                self.alive -= 1
                if self.alive < 0:
                    return "reset"
            for kind in (request.method, "*"):
                if self.faults.get(kind):
                    return self.faults[kind].pop(0)
        return ""

    def alone(self, request: Request) -> AbstractContextManager[object]:
        """Return what to hold while a request is at the target, if others have to wait."""
        return nullcontext()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that gave up."""


@contextmanager
def running(proxy: Proxy) -> Iterator[Proxy]:
    """Run a proxy."""
    with proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    server: FaultProxy

    def setup(self) -> None:
        super().setup()
        self._upstream: HTTPConnection | None = None

    def finish(self) -> None:
        if self._upstream:
            self._upstream.close()
        with suppress(OSError):
            super().finish()

    def handle_expect_100(self) -> bool:
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        fault = self.server.fault(request)
        if fault.isdigit():
            return self._answer(Reply(int(fault), {}, b""))
        if fault in ("reset", "hang"):
            if fault == "hang":
                self._hang(request, self.server.outwaited)
            self.close_connection = True
            return None
        answer = self.server.check(request)
        if answer is None:
            with self.server.alone(request):
                answer = self._forward(request)
        if fault == "lost":
            self.close_connection = True
            return None
        return self._answer(answer, cut=fault == "truncated")

    def _hang(self, request: Request, outwaited: list[Request]) -> None:
        """Do nothing until the client gives up."""
        if not select([self.connection], [], [], PATIENCE)[0]:
            outwaited.append(request)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = _handle  # noqa: N815

    def _forward(self, request: Request) -> Reply:
        for attempt in range(3):
            if self._upstream is None:
                self._upstream = HTTPConnection("127.0.0.1", self.server.target)
            try:
                headers = {
                    name: value
                    for name, value in request.headers.items()
                    if name not in ("connection", "expect", "content-length", "transfer-encoding")
                }
                headers["content-length"] = str(len(request.body))
                self._upstream.request(request.method, request.target, request.body, headers)
                with self._upstream.getresponse() as response:
                    return Reply(response.status, dict(response.getheaders()), response.read())
            except (OSError, HTTPException):  # the server closed a connection that was kept
                self._upstream.close()
                self._upstream = None
                if attempt == 2:
                    raise
        raise AssertionError

    def _answer(self, answer: Reply, *, cut: bool = False) -> None:
        self.send_response_only(answer.status)
        length = str(len(answer.body))
        for name, value in answer.headers.items():
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if cut:
            self.close_connection = True
        self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Be quiet."""
