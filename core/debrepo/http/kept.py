"""Kept answers: bodies that cost much to make and never change under their key."""

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
_AT_ONCE = 2  # bodies made; each takes memory, and more of them would be done no sooner
_MEDIA_TYPE = "application/json; charset=utf-8"


class _Kept(NamedTuple):
    etag: str
    body: bytes
    packed: bytes


class _Together(Watch):
    """Lets work go on as long as one of those who asked for it is there."""

    def __init__(self) -> None:
        super().__init__()
        self.members: list[Watch | None] = []

    def check(self) -> None:
        if all(member is not None and member.stopped for member in self.members):
            self.stop("nobody waits for this any more")
        super().check()


class KeptAnswers:
    """JSON bodies by key, the least recently used ones dropped when there are too many.

    A key names everything that the body depends on: the hash of a package set, and the query.
    All of it belongs to one event loop, and what makes bodies runs in threads of its own.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._making: dict[str, tuple[asyncio.Future[_Kept], _Together]] = {}
        self._makers = CapacityLimiter(_AT_ONCE)

    async def in_turn(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, which takes much memory or long, in a thread."""
        return await to_thread.run_sync(work, limiter=self._makers)

    async def answer(self, request: Request, key: str, make: Callable[[], bytes]) -> Response:
        """Return the body for ``key``, made now if it is not kept; or 304 to who has it."""
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
        """Return what is made for ``key``, once for all who ask for it meanwhile."""
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
        return await asyncio.shield(making)  # who goes away leaves it to the others

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
