"""Ranges: an object in parts, each of which is a request that is tried again on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.wire.web_service import WebService

_RANGE = 8 << 20  # bytes of an object that are in memory at a time


def read(service: WebService, key: str) -> Iterator[bytes]:
    """Yield an object; one that fits into a range takes one request."""
    start, size = 0, 1
    while start < size:
        wanted = {"range": f"bytes={start}-{start + _RANGE - 1}"}
        found = service.ask("get object", "GET", key, headers=wanted, allowed=(404, 416))
        if found.status == 404:
            raise NotFound(f"no object {service.where(key)}")
        if found.status == 416:  # it is empty
            return
        yield found.body
        size = int(found.headers.get("content-range", "/0").rpartition("/")[2])
        start += _RANGE
