"""Bodies: JSON from clients, checked for time, encoding and size."""

import asyncio
import json
from typing import Any

from fastapi import Request

from debrepo.errors import InvalidInput

_PATIENCE = 60.0  # seconds that a body may take; package files have routes of their own


def content_type(request: Request) -> str:
    """Return the media type of a body, without parameters; empty where none is given."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def received(request: Request) -> bytes:
    """Return the body; raise `InvalidInput` if it does not arrive in time."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await request.body()
    except TimeoutError:
        raise InvalidInput(f"the body did not arrive within {_PATIENCE:.0f} seconds") from None


async def as_json(request: Request, *, required: bool) -> Request:
    """Return the request with a JSON body; an empty object if it may be missing and is."""
    kind = content_type(request)
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise InvalidInput(
            f"cannot read a body of the type {kind[:80]}", hint="send application/json"
        )
    body = await received(request)
    if not body and not required:
        return with_json(request, b"{}")
    _check_text(body)
    return request if kind else with_json(request, body)


def with_json(request: Request, body: bytes) -> Request:
    """Return the request with another JSON body."""
    headers = [(k, v) for k, v in request.scope["headers"] if k != b"content-type"]
    headers.append((b"content-type", b"application/json"))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({**request.scope, "headers": headers}, receive)


def _check_text(body: bytes) -> None:
    """Refuse an unpaired surrogate, because such text cannot be encoded."""
    if b"\\u" not in body:
        return
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidInput("the body contains an unpaired surrogate") from None
    except (ValueError, RecursionError):
        return  # FastAPI reports what is wrong


def check_lists(body: bytes, most: int) -> None:
    """Raise `InvalidInput` if a list in a JSON document has more than ``most`` elements."""
    if not most or body.count(b",") < most:  # no list can be longer than that
        return
    try:
        waiting = [json.loads(body)]
    except (ValueError, RecursionError):
        return  # FastAPI reports what is wrong
    while waiting:
        one = waiting.pop()
        if not isinstance(one, (list, dict)):
            continue
        if len(one) > most:
            raise InvalidInput(
                f"a list of the request has {len(one)} elements, and the limit is {most}",
                hint="send it in parts, or raise server.list_length",
            )
        waiting += one if isinstance(one, list) else one.values()
