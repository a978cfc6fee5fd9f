"""Servers to publish to: a real nginx, and a proxy that makes things go wrong."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODULE = Path("/usr/lib/nginx/modules/ngx_http_dav_ext_module.so")
USER, PASSWORD = "publisher", "päss word"

CONFIGURATION = """
load_module {module};
daemon off;
master_process off;
pid {place}/pid;
error_log {place}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    scgi_temp_path {place}/scgi;
    uwsgi_temp_path {place}/uwsgi;
    dav_ext_lock_zone zone=debrepo:1m timeout=4s;
    server {{
        listen 127.0.0.1:{port};
        root {place}/www;
        client_max_body_size 0;
        location / {{
            dav_methods PUT DELETE MKCOL MOVE;
            dav_ext_methods PROPFIND OPTIONS {locking};
            {lock}
            auth_basic "publishers";
            auth_basic_user_file {place}/users;
        }}
    }}
}}
"""


def missing() -> str:
    """Return why there can be no nginx, or nothing."""
    if not shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin"):
        return "needs nginx (Debian: nginx-light)"
    return "" if MODULE.exists() else "needs nginx's WebDAV (Debian: libnginx-mod-http-dav-ext)"


@contextmanager
def nginx(place: Path, *, locks: bool = True):
    """Run nginx on a free port; yield the port and its document root."""
    (place / "www").mkdir(parents=True)
    (place / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    for _ in range(5):  # somebody else may be as fast in taking the port
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        (place / "nginx.conf").write_text(
            CONFIGURATION.format(
                module=MODULE,
                place=place,
                port=port,
                locking="LOCK UNLOCK" if locks else "",
                lock="dav_ext_lock zone=debrepo;" if locks else "",
            )
        )
        command = ["/usr/sbin/nginx", "-p", str(place), "-c", str(place / "nginx.conf")]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            if _answers(process, port):
                yield port, place / "www"
                return
        finally:
            process.terminate()
            process.wait()
    raise AssertionError((place / "error.log").read_text())


def _answers(process, port) -> bool:
    for _ in range(200):
        if process.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return True
    return False


class FaultyProxy(ThreadingHTTPServer):
    """A proxy that breaks the requests it is told to: ``faults["PUT"] = ["503", "reset"]``.

    ``lost`` lets the request through and loses the answer; ``hang`` never answers.
    """

    daemon_threads = True

    def __init__(self, target: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.faults: dict[str, list[str]] = {}
        self.seen: list[str] = []
        self.released = threading.Event()

    def handle_error(self, request, client_address) -> None:
        pass  # clients that gave up


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def handle_any(self) -> None:
        self.server.seen.append(self.command)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        faults = self.server.faults.get(self.command)
        fault = faults.pop(0) if faults else ""
        if fault.isdigit():
            self._answer(int(fault), [], b"")
        elif fault == "hang":
            self.server.released.wait(10)
            self.close_connection = True
        elif fault == "reset":
            self.close_connection = True
        else:
            answer = self._forward(body)
            if fault == "lost":
                self.close_connection = True
            else:
                self._answer(*answer)

    def __getattr__(self, name: str):
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def _forward(self, body):
        with closing(HTTPConnection("127.0.0.1", self.server.target)) as connection:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            with connection.getresponse() as response:
                return response.status, response.getheaders(), response.read()

    def _answer(self, status, headers, body) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        length = dict(headers).get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments) -> None:
        pass
