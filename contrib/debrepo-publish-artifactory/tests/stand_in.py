"""A stand-in for Artifactory: files, checksums that are verified, and listings."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "a-token"


class ArtifactoryStandIn(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Artifactory)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.changing = threading.Lock()


class _Artifactory(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: ArtifactoryStandIn

    def handle_expect_100(self) -> bool:
        going = super().handle_expect_100()
        self.wfile.flush()  # or the client waits a second for it
        return going

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(self.path).path).removeprefix("/artifactory/")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._refuse(401, "Bad credentials")
        listing = path.startswith("api/storage/")
        repository, _, path = path.removeprefix("api/storage/").partition("/")
        with self.server.changing:
            files = self.server.repositories.get(repository)
            if files is None:
                return self._refuse(400 if self.command == "PUT" else 404, "no such repository")
            if listing:
                return self._list(files, f"{path}/" if path else "")
            return self._file(files, path, body)

    do_GET = do_PUT = do_HEAD = do_DELETE = _handle  # noqa: N815

    def _file(self, files: dict[str, bytes], path: str, body: bytes) -> None:
        if self.command == "PUT":
            return self._put(files, path, body)
        if path not in files:
            return self._refuse(404, "File not found.")
        if self.command == "DELETE":
            del files[path]
            return self._answer(204, {})
        data = files[path]
        headers = {"X-Checksum-Sha256": hashlib.sha256(data).hexdigest()}
        start, _, end = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        if not start:
            return self._answer(200, headers, data)
        if int(start) >= len(data):
            return self._refuse(416, "Range not satisfiable")
        part = data[int(start) : int(end) + 1]
        headers["Content-Range"] = f"bytes {start}-{int(start) + len(part) - 1}/{len(data)}"
        return self._answer(206, headers, part)

    def _put(self, files: dict[str, bytes], path: str, body: bytes) -> None:
        told = self.headers.get("X-Checksum-Sha256")
        if self.headers.get("X-Checksum-Deploy") == "true":
            known = {hashlib.sha256(data).hexdigest(): data for data in files.values()}
            if told not in known:
                return self._refuse(404, "Checksum not found")
            body = known[told]
        elif told and told != hashlib.sha256(body).hexdigest():
            return self._refuse(409, "Checksum error")
        files[path] = body
        return self._answer(201, {}, b"{}")

    def _list(self, files: dict[str, bytes], start: str) -> None:
        found = [{"uri": f"/{path[len(start) :]}"} for path in files if path.startswith(start)]
        if not found:
            return self._refuse(404, "Unable to find item")
        return self._answer(200, {}, json.dumps({"files": found}).encode())

    def _refuse(self, status: int, message: str) -> None:
        text = json.dumps({"errors": [{"status": status, "message": message}]})
        self._answer(status, {"Content-Type": "application/json"}, text.encode())

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass
