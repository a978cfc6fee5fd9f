"""Replays: a request repeated with the same idempotency key gets the same answer."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from typing import TYPE_CHECKING

from fastapi import Response
from starlette.concurrency import run_in_threadpool

from debrepo.errors import AlreadyExists, Conflict, DebrepoError, InvalidInput
from debrepo_server.answered import REPLAYS, Replay
from debrepo_server.body_digest import BodyDigest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import Request

    from debrepo.database import Transaction
    from debrepo.http import Caller
    from debrepo.session import Session
    from debrepo_server.node import ServerNode

_KEPT_FOR = 24 * 3600  # seconds
_ANY = 1 << 62  # bytes of a repeated body
_LOOKED_AT_EVERY = 600.0  # seconds

_log = logging.getLogger("debrepo.server")


class Replays:
    """The answers of the last day to requests with an idempotency key."""

    def __init__(self, session: Session, node: ServerNode) -> None:
        self._session = session
        self._node = node

    async def keep_expiring(self) -> None:
        """Delete what is too old, now and again, for as long as the server runs."""
        while True:
            try:
                await run_in_threadpool(self.delete_old)
            except DebrepoError as error:
                _log.warning("cannot delete old replays: %s", error)
            await asyncio.sleep(_LOOKED_AT_EVERY)

    def delete_old(self) -> None:
        """Delete what nobody will ask for any more."""
        with self._session.db.read() as txn:
            old = [key for key, replay in txn[REPLAYS].items() if _is_old(replay)]
        if not old:
            return
        with self._session.db.write() as txn:
            for key in old:
                replay = txn[REPLAYS].get(key)
                if replay is not None and _is_old(replay):
                    del txn[REPLAYS][key]

    async def answer(
        self,
        key: str,
        caller: Caller,
        request: Request,
        body: bytes | None,
        handle: Callable[[Request], Awaitable[Response]],
    ) -> Response:
        """Handle a request, or repeat the answer if this caller has sent it before."""
        if len(key) > 255:
            raise InvalidInput("an idempotency key can have at most 255 characters")
        name = _digest(caller.name, caller.identity, key)
        read = "" if body is None else hashlib.sha256(body).hexdigest()
        # Not the host: the servers of a cluster may have names of their own.
        asked = _digest(request.method, request.url.path, request.url.query, read)
        digest = BodyDigest(request) if body is None else None
        found = await run_in_threadpool(self._begin, name, asked)
        if found is not None:
            if digest is not None and await digest.finish(_ANY) != found.sent:
                raise _other_request()
            response = Response(found.body, found.status, media_type=found.media_type)
            response.headers["Idempotency-Replayed"] = "true"
            return response
        try:
            response = await handle(digest.request if digest else request)
        except BaseException:
            await run_in_threadpool(self._delete, name)
            raise
        sent = await digest.finish() if digest else read
        secret = response.headers.get("cache-control") == "no-store"
        if secret or not sent or response.status_code >= 500 or not _is_whole(response):
            await run_in_threadpool(self._delete, name)
            return response
        await run_in_threadpool(self._keep, name, asked, sent, response)
        return response

    def _begin(self, name: str, asked: str) -> Replay | None:
        def begin(txn: Transaction) -> Replay | None:
            found = txn[REPLAYS].get(name)
            if found is None or _is_old(found):
                txn[REPLAYS][name] = Replay(asked, time.time(), self._node.server)
                return None
            if found.request != asked:
                raise _other_request()
            if not found.status:
                raise _Unanswered(found.server)
            return found

        try:
            return self._session.db.update(begin)
        except _Unanswered as unanswered:
            alive = unanswered.server == self._node.server or (
                unanswered.server in self._node.alive()
            )
            raise Conflict(
                "the request with this key is still being handled"
                if alive
                else "the server stopped before it answered the request with this key",
                hint="send it again later" if alive else "check whether it was carried out",
            ) from None

    def _keep(self, name: str, asked: str, sent: str, response: Response) -> None:
        body = bytes(response.body).decode()
        kind = response.headers.get("content-type", "")
        replay = Replay(
            asked, time.time(), self._node.server, response.status_code, kind, body, sent
        )

        def keep(txn: Transaction) -> None:
            txn[REPLAYS][name] = replay

        self._session.db.update(keep)

    def _delete(self, name: str) -> None:
        with self._session.db.write() as txn:
            txn[REPLAYS].discard(name)


class _Unanswered(Exception):
    """A request with this key has no answer yet; its server may live, or have died."""

    def __init__(self, server: str) -> None:
        super().__init__(server)
        self.server = server


def _other_request() -> AlreadyExists:
    return AlreadyExists("this idempotency key was used for another request", hint="use a new key")


def _is_whole(response: Response) -> bool:
    """Whether a response is complete, and not a stream."""
    return isinstance(getattr(response, "body", None), bytes)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _is_old(replay: Replay) -> bool:
    return replay.begun + _KEPT_FOR < time.time()
