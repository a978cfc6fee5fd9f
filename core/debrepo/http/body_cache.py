"""The body cache: JSON bodies that are expensive to compute and never change."""

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response

from debrepo.stopping import Watch, current, watching

T = TypeVar("T")

_LIMIT = 48 << 20  # bytes of all bodies together
_AT_ONCE = 2  # bodies computed in parallel; each takes memory, and more would not be faster
_MEDIA_TYPE = "application/json; charset=utf-8"


class _Kept(NamedTuple):
    etag: str
    body: bytes
    packed: bytes


class _Together(Watch):
    """Stops work when all clients that wait for it have disconnected."""

    def __init__(self) -> None:
        super().__init__()
        self.members: list[Watch | None] = []

    def check(self) -> None:
        if all(member is not None and member.stopped for member in self.members):
            self.stop("all clients have disconnected")
        super().check()


class BodyCache:
    """JSON bodies by key; the least recently used ones are evicted.

    A key contains everything that the body depends on: the hash of a package set, and the query.
    A cache belongs to one event loop; bodies are computed in threads.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._making: dict[str, tuple[asyncio.Future[_Kept], _Together]] = {}
        self._makers = CapacityLimiter(_AT_ONCE)

    async def in_turn(self, work: Callable[[], T]) -> T:
        """Run expensive work in a thread; few run at once."""
        return await to_thread.run_sync(work, limiter=self._makers)

    async def answer(self, request: Request, key: str, make: Callable[[], bytes]) -> Response:
        """Return the body for ``key``, computed if it is not cached; 304 if the client has it."""
        etag = f'"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
        if _has(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
        kept = self._kept.get(key)
        if kept is None:
            kept = await self._made(key, etag, make)
        else:
            self._kept.move_to_end(key)
        if "gzip" in request.headers.get("accept-encoding", "") and kept.packed:
            headers["Content-Encoding"] = "gzip"
            return Response(kept.packed, headers=headers, media_type=_MEDIA_TYPE)
        return Response(kept.body, headers=headers, media_type=_MEDIA_TYPE)

    async def _made(self, key: str, etag: str, make: Callable[[], bytes]) -> _Kept:
        """Compute the body for ``key``, once for all requests that come meanwhile."""
        making, together = self._making.get(key, (None, _Together()))
        if making is None or together.stopped:
            together = _Together()

            def done(future: asyncio.Future[_Kept]) -> None:
                if self._making.get(key, (None,))[0] is future:
                    del self._making[key]
                if not future.cancelled() and not future.exception():
                    self._keep(key, future.result())

            with watching(together):
                making = asyncio.ensure_future(self.in_turn(lambda: _packed(etag, make())))
            self._making[key] = making, together
            making.add_done_callback(done)
        together.members.append(current())
        return await asyncio.shield(making)  # if one client disconnects, the others still wait

    def _keep(self, key: str, kept: _Kept) -> None:
        if len(kept.body) + len(kept.packed) > self._limit // 2:
            return
        self._kept[key] = kept
        self._size += len(kept.body) + len(kept.packed)
        while self._size > self._limit:
            _, gone = self._kept.popitem(last=False)
            self._size -= len(gone.body) + len(gone.packed)


def _packed(etag: str, body: bytes) -> _Kept:
    return _Kept(etag, body, gzip.compress(body, 1, mtime=0) if len(body) > 4096 else b"")


def _has(if_none_match: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
