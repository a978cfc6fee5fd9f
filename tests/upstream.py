"""An upstream archive on loopback that does what it is told to do wrong.

It serves a directory over HTTP/1.1 with keep-alive, ranges and conditions, and records every
request. What goes wrong is said per path and count: ``upstream.fault("pool/a.deb", "truncate")``
breaks the next answer for that path, and ``times=None`` all of them.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import socket
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

PATIENCE = 60  # seconds that an answer is held, if the test does not release it
_CHUNK = 1 << 16

#: What may happen to an answer:
#: a number       that status, without a file; 429 and 503 take ``retry_after``
#: truncate       Content-Length of the whole, ``keep`` bytes of it, end of the connection
#: cut            as truncate, in chunked encoding whose end never comes
#: drop           the connection ends before an answer
#: corrupt        bytes of the same length that are not those of the file
#: other          the bytes ``data`` instead of the file
#: longer         the file and further bytes
#: ignore-range   the whole file with 200, whatever range was asked for
#: wrong-range    206 with a range that begins ``shift`` bytes later
#: hold           ``keep`` bytes of the body, and the rest once ``release`` was called
#: redirect       302 to ``location``
#: changed        a new entity tag and date, as of a file that was replaced


@dataclass
class Seen:
    """A request, and what it was answered with so far; names of headers are in lower case."""

    method: str
    path: str  #: decoded, without the slash it begins with
    target: str  #: as it was sent
    headers: dict[str, str]
    connection: int  #: the number of its connection
    status: int = 0  #: 0: the connection was dropped
    sent: int = 0  #: bytes of the body, counted before they go out


class Upstream(ThreadingHTTPServer):
    """A server of the directory ``root``; ``url`` is its address, with a slash at the end."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, root: Path, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.tls = tls
        self.locked = threading.Condition()
        self.released = threading.Event()
        self.requests: list[Seen] = []
        self.faults: list[dict[str, Any]] = []
        self.hidden: list[str] = []
        self.by_hash = ""  #: ``none``: there is none; ``stale``: only that of before the switch
        self.authorization: set[str] = set()  #: if not empty: values of the header let in
        self.ranges = True
        self.validators = True  #: whether answers have an entity tag and a date
        self.tag = ""  #: the entity tag of every file, as if all were of one size and second
        self.dated = 0.0  #: the date of every file
        self.before: Path | None = None
        self._switches: list[tuple[int, Path]] = []
        self._open: set[socket.socket] = set()
        self._connections = 0
        self._begun = 0
        self._started: Counter[str] = Counter()

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.server_address[1]}/"

    def fault(self, path: str, kind: str, times: int | None = 1, **details: Any) -> None:
        """Let the next answers for ``path``, a pattern, go wrong; ``None``: all of them."""
        with self.locked:
            self.faults.append({"path": path, "kind": kind, "times": times, **details})

    faults_known = frozenset({
        "403", "429", "500", "502", "503", "truncate", "cut", "drop", "corrupt", "other", "longer",
        "ignore-range", "wrong-range", "hold", "redirect", "range", "received", "logins",
    })  # fmt: skip

    def put(self, path: str, data: bytes) -> None:
        """Have a file below the directory."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def received(self, path: str) -> list[int]:
        """Return how many bytes of the body went out with each answer for a path."""
        return [seen.sent for seen in self.asked(path)]

    def identities(self, path: str) -> list[str]:
        """Return who asked for a path: ``user:password``, another value, or nothing."""
        values = [seen.headers.get("authorization", "") for seen in self.asked(path)]
        return [
            base64.b64decode(value[6:]).decode() if value.startswith("Basic ") else value
            for value in values
        ]

    def hide(self, pattern: str) -> None:
        """Answer 404 for what matches from now on: ``dists/*/Release``."""
        self.hidden.append(pattern)

    def switch(self, directory: Path, after: int = 0) -> None:
        """Serve another directory once ``after`` further requests have begun."""
        with self.locked:
            self._switches.append((self._begun + after, directory))

    def release(self) -> None:
        """Go on with what is held."""
        self.released.set()

    def clear(self) -> None:
        """Discard what was recorded."""
        with self.locked:
            self.requests.clear()

    def asked(self, path: str = "*") -> list[Seen]:
        """Return the requests for a path or a pattern, in the order in which they came."""
        with self.locked:
            return [seen for seen in self.requests if fnmatchcase(seen.path, path)]

    def wait_for(self, number: int, path: str = "*") -> None:
        """Return when that many requests for a path have begun to be answered."""
        with self.locked:
            assert self.locked.wait_for(lambda: self._count(path) >= number, PATIENCE)

    def _count(self, path: str) -> int:
        return sum(count for name, count in self._started.items() if fnmatchcase(name, path))

    # What follows is for the handler.

    def admit(self, seen: Seen) -> tuple[Path, dict[str, Any] | None]:
        """Record a request; return the directory to serve it from, and what goes wrong."""
        path = seen.path
        with self.locked:
            self.requests.append(seen)
            while self._switches and self._begun >= self._switches[0][0]:
                self.before, self.root = self.root, self._switches.pop(0)[1]
            self._begun += 1
            self._started[path] += 1
            self.locked.notify_all()
            root = self.root
            if "/by-hash/" in f"/{path}" and self.by_hash == "stale" and self.before is not None:
                root = self.before
            for fault in self.faults:
                if fnmatchcase(path, fault["path"]) and fault["times"] != 0:
                    if fault["times"] is not None:
                        fault["times"] -= 1
                    return root, fault
        return root, None

    def connected(self, connection: socket.socket) -> int:
        with self.locked:
            self._open.add(connection)
            self._connections += 1
            return self._connections

    def disconnected(self, connection: socket.socket) -> None:
        with self.locked:
            self._open.discard(connection)
            self.locked.notify_all()

    @property
    def connections(self) -> int:
        """How many connections there were."""
        return self._connections

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that gave up."""

    def hang_up(self) -> None:
        """End all connections, and return when their threads are done."""
        self.released.set()
        with self.locked:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self.locked.wait_for(lambda: not self._open, PATIENCE)


@contextmanager
def serving(root: Path, tls: ssl.SSLContext | None = None):
    """Run an `Upstream` on a directory."""
    with Upstream(root, tls) as upstream:
        thread = threading.Thread(target=upstream.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield upstream
        finally:
            upstream.shutdown()
            thread.join()
            upstream.hang_up()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    server: Upstream

    def setup(self) -> None:
        self.raw = self.request
        self.number = self.server.connected(self.raw)
        self.ended = False
        try:
            if self.server.tls is not None:
                self.request.settimeout(PATIENCE)
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
                self.server.disconnected(self.raw)
                self.raw = self.request
                self.server._open.add(self.raw)
        except OSError:
            self.server.disconnected(self.raw)
            raise
        super().setup()

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()
        with suppress(OSError):
            self.request.close()
        self.server.disconnected(self.raw)

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).lstrip("/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen = Seen(self.command, path, self.path, headers, self.number)
        root, fault = self.server.admit(self.seen)
        try:
            self._answer(root, path, fault or {"kind": ""})
        except OSError:
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815

    def _answer(self, root: Path, path: str, fault: dict[str, Any]) -> None:
        kind = fault["kind"]
        if kind == "drop":
            self.close_connection = True
            return
        if kind == "redirect":
            self._head(302, {"Location": fault["location"], "Content-Length": "5"})
            self._send(b"moved")
            return
        allowed = self.server.authorization
        if allowed and self.headers.get("Authorization") not in allowed:
            self._refuse(401, {"WWW-Authenticate": 'Basic realm="archive"'})
            return
        if kind.isdigit():
            after = fault.get("retry_after")
            self._refuse(int(kind), {} if after is None else {"Retry-After": str(after)})
            return
        data = self._data(root, path) if kind != "other" else fault["data"]
        if data is None:
            self._refuse(404, {})
            return
        self._file(data, fault)

    def _data(self, root: Path, path: str) -> bytes | None:
        if any(fnmatchcase(path, pattern) for pattern in self.server.hidden):
            return None
        if "/by-hash/" in f"/{path}" and self.server.by_hash == "none":
            return None
        target = (root / path).resolve()
        if not target.is_relative_to(root.resolve()) or not target.is_file():
            return None
        self.modified = target.stat().st_mtime
        return target.read_bytes()

    def _file(self, data: bytes, fault: dict[str, Any]) -> None:
        kind = fault["kind"]
        salt = fault.get("salt", "new").encode() if kind == "changed" else b""
        tag = self.server.tag or f'"{hashlib.md5(data + salt).hexdigest()}"'
        modified = self.server.dated or getattr(self, "modified", 0)
        date = email.utils.formatdate(int(modified) + len(salt), usegmt=True)
        headers = {"Accept-Ranges": "bytes"} if self.server.ranges else {}
        if self.server.validators:
            headers |= {"ETag": tag, "Last-Modified": date}
            if self._unchanged(tag, date):
                self._head(304, headers)
                return
        if kind == "corrupt":
            data = bytes(byte ^ 0x55 for byte in data)
        if kind == "longer":
            data += b"and more" * 1000
        whole, status, start = len(data), 200, self._start(tag, date, len(data))
        if start and kind != "ignore-range" and self.server.ranges:
            if start >= whole:
                self._refuse(416, {"Content-Range": f"bytes */{whole}"})
                return
            start += fault.get("shift", 7) if kind == "wrong-range" else 0
            data, status = data[start:], 206
            headers["Content-Range"] = f"bytes {start}-{whole - 1}/{whole}"
        keep = fault.get("keep", len(data) // 2)
        if kind == "cut":
            self._head(status, headers | {"Transfer-Encoding": "chunked"})
            self._send(b"%x\r\n%s\r\n" % (keep, data[:keep]) if keep else b"")
            self.close_connection = True
            return
        self._head(status, headers | {"Content-Length": str(len(data))})
        if self.command == "HEAD":
            return
        if kind == "truncate":
            self._send(data[:keep])
            self.close_connection = True
        elif kind == "hold":
            self._send(data[:keep])
            self.server.released.wait(PATIENCE)
            self._send(data[keep:])
        else:
            self._send(data)

    def _unchanged(self, tag: str, date: str) -> bool:
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            return tag in (one.strip().removeprefix("W/") for one in tags.split(","))
        return self.headers.get("If-Modified-Since") == date

    def _start(self, tag: str, date: str, size: int) -> int:
        """Return where the range begins that was asked for, if its condition holds."""
        wanted = self.headers.get("Range", "")
        if not wanted.startswith("bytes=") or not wanted.endswith("-"):
            return 0
        condition = self.headers.get("If-Range")
        if condition is not None and condition not in (tag, date):
            return 0
        return int(wanted[len("bytes=") : -1])

    def _refuse(self, status: int, headers: dict[str, str]) -> None:
        body = b"<html>no</html>"
        self._head(status, headers | {"Content-Length": str(len(body))})
        if self.command != "HEAD":
            self._send(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.seen.status = status
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, data: bytes) -> None:
        for start in range(0, len(data), _CHUNK):
            piece = data[start : start + _CHUNK]
            self.seen.sent += len(piece)
            self.wfile.write(piece)
            self.wfile.flush()
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Be quiet."""
