"""A strict stand-in for Google Cloud Storage, by what is documented of its XML interface.

It wants a token, checks MD5, gives each write a generation, and holds writes to conditions.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

TOKEN = "ya29.a-token"
PAGE = 100  # objects


class Stored(NamedTuple):
    data: bytes
    generation: int
    headers: dict[str, str]
    date: str


class GoogleStandIn(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Google)
        self.buckets: dict[str, dict[str, Stored]] = {}
        self.changing = threading.Lock()
        self.generation = 1_700_000_000_000_000
        self.token = TOKEN


class _Google(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: GoogleStandIn

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        _, bucket, *rest = address.path.split("/", 2)
        key = unquote(rest[0]) if rest else ""
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            return self._refuse(401, "AuthenticationRequired")
        with self.server.changing:
            objects = self.server.buckets.get(bucket)
            if objects is None:
                return self._refuse(404, "NoSuchBucket")
            if not key:
                return self._list(objects, parse_qs(address.query, keep_blank_values=True))
            return self._object(objects, key, body)

    do_GET = do_PUT = do_HEAD = do_DELETE = _handle  # noqa: N815

    def _object(self, objects: dict[str, Stored], key: str, body: bytes) -> None:
        found = objects.get(key)
        if self.command == "PUT":
            return self._put(objects, key, body, found)
        if found is None:
            return self._refuse(404, "NoSuchKey")
        if self.command == "DELETE":
            del objects[key]
            return self._answer(204, {})
        headers = {
            "x-goog-generation": str(found.generation),
            "ETag": f'"{hashlib.md5(found.data).hexdigest()}"',
            "Last-Modified": found.date,
            **found.headers,
        }
        start, _, end = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        if not start:
            return self._answer(200, headers, found.data)
        if int(start) >= len(found.data):
            return self._refuse(416, "InvalidRange")
        part = found.data[int(start) : int(end) + 1]
        headers["Content-Range"] = f"bytes {start}-{int(start) + len(part) - 1}/{len(found.data)}"
        return self._answer(206, headers, part)

    def _put(self, objects: dict[str, Stored], key: str, body: bytes, found: Stored | None) -> None:
        wanted = self.headers.get("x-goog-if-generation-match")
        if wanted is not None and int(wanted) != (found.generation if found else 0):
            return self._refuse(412, "PreconditionFailed")
        told = self.headers.get("Content-MD5")
        if told and base64.b64decode(told) != hashlib.md5(body).digest():
            return self._refuse(400, "BadDigest")
        self.server.generation += 1
        kept = {
            name: self.headers[name]
            for name in ("Content-Type", "Cache-Control", "x-goog-acl", "x-goog-storage-class")
            if name in self.headers
        }
        objects[key] = Stored(body, self.server.generation, kept, formatdate(usegmt=True))
        return self._answer(200, {"x-goog-generation": str(self.server.generation)})

    def _list(self, objects: dict[str, Stored], query: dict[str, list[str]]) -> None:
        after = query.get("continuation-token", [""])[0]
        prefix = query["prefix"][0]
        names = sorted(name for name in objects if name.startswith(prefix) and name > after)
        page, more = names[:PAGE], len(names) > PAGE
        rows = "".join(f"<Contents><Key>{escape(quote(name))}</Key></Contents>" for name in page)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        text = (
            "<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns="
            f"'http://doc.s3.amazonaws.com/2006-03-01'><EncodingType>url</EncodingType>{rows}{token}"
            "</ListBucketResult>"
        )
        self._answer(200, {"Content-Type": "application/xml"}, text.encode())

    def _refuse(self, status: int, code: str) -> None:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
        self._answer(status, {"Content-Type": "application/xml"}, body.encode())

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
