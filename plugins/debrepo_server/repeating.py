"""Repeating: a stored answer is sent as soon as the request has come, without a task for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fastapi.routing import APIRoute

from debrepo_server.middleware import say

if TYPE_CHECKING:
    from starlette.types import Scope

    from debrepo_server.metrics import RequestCounts
    from debrepo_server.response_cache import ResponseCache


class Repeater:
    """Finds the stored answer to a request, in place of all middleware; counts it, and logs it.

    What the middleware would refuse has no stored answer: the same request was let through.
    """

    def __init__(self, cached: ResponseCache, requests: RequestCounts) -> None:
        self._cached = cached
        self._requests = requests

    def __call__(self, scope: Scope, url: bytes) -> tuple[bytes, bytes, bytes] | None:
        """Return the first line of the answer, its headers and its body."""
        begun = time.perf_counter()
        said = self._cached.find(scope, url)
        if said is None or said.head is None:
            return None
        scope["method"], scope["raw_path"] = "GET", url.partition(b"?")[0]
        path = said.route.path_format if isinstance(said.route, APIRoute) else "none"
        status, body = said.start["status"], said.body.get("body", b"")
        seconds = time.perf_counter() - begun
        self._requests.begin()
        self._requests.end("GET", path, status, seconds, 0, len(body))
        say(scope, status, len(body), seconds)
        return (*said.head, body)
