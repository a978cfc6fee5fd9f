"""Fetches for clients: each file is fetched once for all that wait, in a few threads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from anyio import CapacityLimiter, to_thread

from debrepo.stopping import watching
from debrepo_mirror import incoming, pulling
from debrepo_mirror.download.receiving import SMALL
from debrepo_mirror.idle_transports import IdleTransports
from debrepo_mirror.incoming import IncomingFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

    from debrepo.http import Server
    from debrepo.session import Session
    from debrepo_mirror.pulling import PulledFile

_MOMENT = 0.02  # seconds between two looks at whether a file has begun to come


class _Running(NamedTuple):
    """A fetch, and how many bytes of its file were here before it."""

    future: asyncio.Future[None]
    start: int


class Fetches:
    """What a server is fetching; a fetch goes on when the clients that wait for it are gone.

    The threads are not those of other requests, for an archive may be slow to answer.
    """

    def __init__(self, most: int) -> None:
        self._threads = CapacityLimiter(most)
        self._transports = IdleTransports(most)
        self._running: dict[str, _Running] = {}

    async def fetched(
        self, session: Session, pulled: PulledFile, *, whole: bool
    ) -> IncomingFile | None:
        """Return once a file is in the pool, or with the file as soon as it begins to come.

        With ``whole``, and where it is small, it is in the pool.
        """
        digest = pulled.sha256
        if pulled.is_here(session):
            return None
        running = self._running.get(digest)
        if running is None:
            with watching(None):  # which a client that goes away would stop
                future = asyncio.ensure_future(self._fetch(session, pulled))
            running = _Running(future, incoming.size_of(session, pulled))
            self._running[digest] = running
            future.add_done_callback(self._ended(digest))
        if pulled.size > SMALL and not whole:
            found = IncomingFile(session, pulled, running.future, running.start)
            while not running.future.done():
                if found.has_begun():
                    return found
                await asyncio.wait({running.future}, timeout=_MOMENT)
        await asyncio.shield(running.future)
        return None

    def _ended(self, digest: str) -> Callable[[asyncio.Future[None]], None]:
        def ended(future: asyncio.Future[None]) -> None:
            del self._running[digest]
            if not future.cancelled():
                future.exception()  # somebody waited for it, or nobody is there any more

        return ended

    async def _fetch(self, session: Session, pulled: PulledFile) -> None:
        await to_thread.run_sync(
            pulling.fetch, session, pulled, self._transports, limiter=self._threads
        )


def of(request: Request) -> Fetches:
    """Return the fetches of the server of a request."""
    state = request.app.state
    server: Server = state.debrepo
    with server.session.opening:
        if not hasattr(state, "mirror_fetches"):
            state.mirror_fetches = Fetches(server.session.config["mirror.connections"])
        found: Fetches = state.mirror_fetches
    return found
