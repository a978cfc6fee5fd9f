"""Replays: a request that is sent again with its idempotency key gets the answer that it got."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import Response
from starlette.concurrency import run_in_threadpool

from debrepo.database import json_table
from debrepo.errors import AlreadyExists, Conflict, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import Request

    from debrepo.database import Transaction
    from debrepo.http import Caller
    from debrepo.session import Session

_KEPT_FOR = 24 * 3600  # seconds


class Replay(NamedTuple):
    """A request that came with a key, and its answer once there is one."""

    request: str
    begun: float
    server: str
    status: int = 0
    media_type: str = ""
    body: str = ""


def _load(fields: dict[str, Any]) -> Replay:
    return Replay(**fields)


REPLAYS = json_table("server.replays", load=_load, dump=Replay._asdict)


class Replays:
    """The answers of the last day to requests that came with a key."""

    def __init__(self, session: Session, server: str) -> None:
        self._session = session
        self._server = server

    def forget_old(self) -> None:
        """Forget what nobody will ask for any more."""
        with self._session.db.write() as txn:
            for key, replay in list(txn[REPLAYS].items()):
                if _is_old(replay):
                    del txn[REPLAYS][key]

    async def answer(
        self,
        key: str,
        caller: Caller,
        request: Request,
        body: bytes,
        handle: Callable[[], Awaitable[Response]],
    ) -> Response:
        """Handle a request, unless that has been done already for who sends it."""
        if len(key) > 255:
            raise InvalidInput("an idempotency key has 255 characters at most")
        name = _digest(caller.name, key)
        length = request.headers.get("content-length", "")
        asked = _digest(request.method, str(request.url), length, body.hex())
        found = await run_in_threadpool(self._begin, name, asked)
        if found is not None:
            response = Response(found.body, found.status, media_type=found.media_type)
            response.headers["Idempotency-Replayed"] = "true"
            return response
        try:
            response = await handle()
        except BaseException:
            await run_in_threadpool(self._forget, name)
            raise
        secret = response.headers.get("cache-control") == "no-store"
        if secret or response.status_code >= 500 or not isinstance(response.body, bytes):
            await run_in_threadpool(self._forget, name)
            return response
        await run_in_threadpool(self._keep, name, asked, response)
        return response

    def _begin(self, name: str, asked: str) -> Replay | None:
        def begin(txn: Transaction) -> Replay | None:
            found = txn[REPLAYS].get(name)
            if found is None or _is_old(found):
                txn[REPLAYS][name] = Replay(asked, time.time(), self._server)
                return None
            if found.request != asked:
                raise AlreadyExists(
                    "this idempotency key came with another request", hint="make a new key"
                )
            if not found.status:
                same = found.server == self._server
                raise Conflict(
                    "the request with this key is not answered yet"
                    if same
                    else "the server ended before it answered the request with this key",
                    hint="ask again later" if same else "look whether it was done",
                )
            return found

        return self._session.db.update(begin)

    def _keep(self, name: str, asked: str, response: Response) -> None:
        body = bytes(response.body).decode()
        kind = response.headers.get("content-type", "")
        replay = Replay(asked, time.time(), self._server, response.status_code, kind, body)

        def keep(txn: Transaction) -> None:
            txn[REPLAYS][name] = replay

        self._session.db.update(keep)

    def _forget(self, name: str) -> None:
        with self._session.db.write() as txn:
            txn[REPLAYS].discard(name)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _is_old(replay: Replay) -> bool:
    return replay.begun + _KEPT_FOR < time.time()
