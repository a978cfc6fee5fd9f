"""Incoming files: sent to clients while they come, the last block once all of it was verified.

Whatever goes wrong on the way, no client has a whole file of other bytes: its connection ends
before the last block. The bytes that were sent are hashed, and not those that were fetched, so
it makes no difference who fetches, and how often from the start.
"""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from debrepo_mirror.download.partial import PartialFiles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Send

    from debrepo.session import Session
    from debrepo_mirror.pulling import PulledFile

#: Bytes that are held back until all were verified.
HELD = 64 << 10
_CHUNK = 256 << 10
_MOMENT = 0.02  # seconds between two looks at what has come


class IncomingFile:
    """A file that a fetch is bringing, which one client reads meanwhile."""

    def __init__(
        self, session: Session, pulled: PulledFile, running: asyncio.Future[None], start: int
    ) -> None:
        self._path = partial_path(session, pulled)
        self._pool = session.pool
        self._sha256 = pulled.sha256
        self.size = pulled.size
        self._running = running
        self._start = start  # bytes that were here before this fetch
        self._file = -1
        self._offset = 0
        self._digest = sha256()

    def has_begun(self) -> bool:
        """Tell whether anything has come, so that it is worth an answer."""
        if _size(self._path) <= self._start:
            return False
        try:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # it is in the pool by now
            return False
        return True

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the file as it comes; end early if it is not what it has to be."""
        pooled = False
        try:
            while self._offset < self.size:
                piece = await run_in_threadpool(self._read)
                if piece:
                    yield piece
                elif not self._running.done():
                    await asyncio.wait({self._running}, timeout=_MOMENT)
                elif pooled or self._running.cancelled() or self._running.exception():
                    return
                else:
                    pooled = True
                    await run_in_threadpool(self._switch)
        finally:
            self.close()

    @property
    def is_whole(self) -> bool:
        """Whether all of it was handed on."""
        return self._offset == self.size

    def _read(self) -> bytes:
        left = self.size - HELD - self._offset
        if left > 0:
            piece = os.pread(self._file, min(left, _CHUNK), self._offset)
        else:
            piece = os.pread(self._file, self.size - self._offset, self._offset)
            whole = self._digest.copy()
            whole.update(piece)
            if whole.hexdigest() != self._sha256:
                return b""
        self._digest.update(piece)
        self._offset += len(piece)
        return piece

    def _switch(self) -> None:
        """Go on with the file in the pool: another process may have fetched it."""
        self.close()
        self._file = os.open(self._pool.location(self._sha256), os.O_RDONLY | os.O_CLOEXEC)


def partial_path(session: Session, pulled: PulledFile) -> str:
    """Return where a file is while it comes."""
    return PartialFiles.of(session.root).named(pulled.sha256)


def size_of(session: Session, pulled: PulledFile) -> int:
    """Return how many bytes of a file an earlier fetch has left."""
    return _size(partial_path(session, pulled))


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


class ArrivingResponse(StreamingResponse):
    """The answer with an incoming file; if that is not whole, the connection ends."""

    def __init__(self, incoming: IncomingFile, headers: dict[str, str], media_type: str) -> None:
        headers = {**headers, "Content-Length": str(incoming.size)}
        super().__init__(incoming.pieces(), 200, headers, media_type)
        self._incoming = incoming

    async def stream_response(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async for piece in self.body_iterator:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self._incoming.is_whole:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
