"""Kept answers: bodies that cost much to make and never change under their key."""

import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

from fastapi import Request, Response

_LIMIT = 48 << 20  # bytes of all bodies together
_MEDIA_TYPE = "application/json; charset=utf-8"


class _Kept(NamedTuple):
    etag: str
    body: bytes
    packed: bytes


class KeptAnswers:
    """JSON bodies by key, the least recently used ones dropped when there are too many.

    A key names everything that the body depends on: the hash of a package set, and the query.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = Lock()
        self._making = Lock()

    def answer(self, request: Request, key: str, make: Callable[[], bytes]) -> Response:
        """Return the body for ``key``, made now if it is not kept; or 304 to who has it."""
        etag = f'"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
        if _has(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
        kept = self._find(key)
        if kept is None:
            with self._making:  # those who ask for the same meanwhile get what this one makes
                kept = self._find(key) or self._keep(key, etag, make())
        if "gzip" in request.headers.get("accept-encoding", "") and kept.packed:
            headers["Content-Encoding"] = "gzip"
            return Response(kept.packed, headers=headers, media_type=_MEDIA_TYPE)
        return Response(kept.body, headers=headers, media_type=_MEDIA_TYPE)

    def _find(self, key: str) -> _Kept | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def _keep(self, key: str, etag: str, body: bytes) -> _Kept:
        packed = gzip.compress(body, 1, mtime=0) if len(body) > 4096 else b""
        kept = _Kept(etag, body, packed)
        if len(body) + len(packed) > self._limit // 2:
            return kept
        with self._lock:
            if key not in self._kept:
                self._kept[key] = kept
                self._size += len(body) + len(packed)
            while self._size > self._limit:
                _, gone = self._kept.popitem(last=False)
                self._size -= len(gone.body) + len(gone.packed)
        return kept


def _has(if_none_match: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
