"""Ranges: an object in parts, each of which is a request that is tried again on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo_publish_s3.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo_publish_s3.client import Client

_RANGE = 8 << 20  # bytes of an object that are in memory at a time


def read(client: Client, key: str) -> Iterator[bytes]:
    """Yield an object; one that fits into a range takes one request."""
    start, size = 0, 1
    while start < size:
        wanted = f"bytes={start}-{start + _RANGE - 1}"
        try:
            found = client.call("get_object", Key=key, Range=wanted)
        except Refused as refusal:
            if refusal.status == 416:  # it is empty
                return
            raise
        yield found["Body"]
        size = int(found.get("ContentRange", "/0").rpartition("/")[2])
        start += _RANGE
