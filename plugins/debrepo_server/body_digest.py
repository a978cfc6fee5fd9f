"""The digest of a request's body, computed while the body is read."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from fastapi import Request
from python_multipart.multipart import parse_options_header

from debrepo.errors import InvalidInput
from debrepo.http.receiving import chunks

if TYPE_CHECKING:
    from starlette.types import Message

_LITTLE = 1 << 20  # bytes of an unread body that are read for the digest


class BodyDigest:
    """Hashes the body of ``request`` while it is read.

    A form is hashed without its boundary, which differs each time a client sends it.
    """

    def __init__(self, request: Request) -> None:
        self._receive = request.receive
        self._boundary = _boundary(request)
        self._held = b""  # possibly the start of the boundary
        self._hash = hashlib.sha256()
        declared = request.headers.get("content-length", "0").strip("0")
        self._whole = not declared and "transfer-encoding" not in request.headers
        self.request = Request(request.scope, self._hear)

    async def finish(self, limit: int = _LITTLE) -> str:
        """Return the digest; empty if the body is incomplete, or too much of it is unread."""
        if not self._whole:
            with suppress(InvalidInput):
                async for chunk in chunks(self.request):
                    limit -= len(chunk)
                    if limit < 0:
                        return ""
        if not self._whole:
            return ""
        self._hash.update(self._held)
        return self._hash.hexdigest()

    async def _hear(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._add(message.get("body", b""))
            self._whole = not message.get("more_body", False)
        return message

    def _add(self, data: bytes) -> None:
        if self._boundary:
            data = (self._held + data).replace(self._boundary, b"\0")
            kept = max(0, len(data) - len(self._boundary) + 1)
            data, self._held = data[:kept], data[kept:]
        self._hash.update(data)


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    return options.get(b"boundary", b"") if kind == b"multipart/form-data" else b""
