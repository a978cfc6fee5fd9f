"""Sending files: whole, a range, or 304 if the client has them."""

from __future__ import annotations

import os
import re
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from debrepo.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from io import FileIO
    from pathlib import Path

    from fastapi import Request

#: What `send` answers, for the ``responses`` of a route.
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}},
    206: {"description": "The requested range"},
    304: {"description": "Not modified"},
    416: {"description": "The range cannot be satisfied"},
}

_CHUNK = 256 << 10
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")


class _Part(NamedTuple):
    """The bytes of a file from ``start`` to before ``end``."""

    start: int
    end: int


def send(request: Request, path: Path, headers: dict[str, str], media_type: str) -> Response:
    """Return the response with a file, or with the range that the client requests.

    The file is opened once, so replacing it does not affect this answer.
    """
    nothing = NotFound(f"nothing is published at {request.url.path[:300]}")
    try:
        if not path.is_file():
            raise nothing
        file = path.open("rb", buffering=0)
    except (OSError, ValueError):  # a name that is too long, one with a NUL, or gone meanwhile
        raise nothing from None
    found = os.fstat(file.fileno())
    etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
    headers = headers | {
        "ETag": etag,
        "Last-Modified": formatdate(found.st_mtime, usegmt=True),
        "Accept-Ranges": "bytes",
    }
    if _is_known(request, etag, found.st_mtime):
        file.close()
        return Response(status_code=304, headers=headers)
    part = _part(request, etag, found)
    if part is None:
        file.close()
        headers["Content-Range"] = f"bytes */{found.st_size}"
        return Response(status_code=416, headers=headers)
    headers["Content-Length"] = str(part.end - part.start)
    status = 200
    if part.end - part.start != found.st_size:
        status = 206
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{found.st_size}"
    if request.method == "HEAD":
        file.close()
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(_read(file, part), status, headers, media_type)


async def _read(file: FileIO, part: _Part) -> AsyncIterator[bytes]:
    with file:
        file.seek(part.start)
        left = part.end - part.start
        while left > 0:
            chunk = await run_in_threadpool(file.read, min(_CHUNK, left))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk


def _is_known(request: Request, etag: str, modified: float) -> bool:
    """Whether the client has the current file (RFC 9110, 13.2.2)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return tags.strip() == "*" or etag in {
            tag.strip().removeprefix("W/") for tag in tags.split(",")
        }
    since = _date(request.headers.get("if-modified-since", ""))
    return since is not None and int(modified) <= since


def _part(request: Request, etag: str, found: os.stat_result) -> _Part | None:
    """Return the part to send; ``None`` if the range cannot be satisfied."""
    whole = _Part(0, found.st_size)
    asked = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if asked is None or asked[0] == "bytes=-":  # none, several, or no range at all
        return whole
    condition = request.headers.get("if-range", "")
    if condition and condition != etag and _date(condition) != int(found.st_mtime):
        return whole
    first, last = _offset(asked[1]), _offset(asked[2])
    if not asked[1]:
        start = max(0, found.st_size - last)
        return _Part(start, found.st_size) if last and found.st_size else None
    end = min(found.st_size, last + 1) if asked[2] else found.st_size
    if first >= found.st_size:
        return None
    return _Part(first, end) if end > first else whole


def _offset(digits: str) -> int:
    """Return a number of bytes; very long numbers are capped."""
    digits = digits.lstrip("0")
    return int(digits or 0) if len(digits) < 19 else 1 << 62


def _date(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None
