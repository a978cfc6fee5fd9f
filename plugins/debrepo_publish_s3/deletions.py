"""Delete many objects in one request, as many as the service can in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from debrepo.wire import documents
from debrepo_publish_s3 import checksums, requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from debrepo_publish_s3.client import Client

_FIRST = 250
_MOST = 1000  # that S3 takes


class Deletions:
    """The number of keys in a request, adapted to how long earlier requests took.

    Some services, such as Swift, delete them one after the other before they answer.
    """

    def __init__(self, timeout: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout = timeout
        self._clock = clock
        self._size = _FIRST

    def batches(self, keys: Sequence[str]) -> Iterator[Sequence[str]]:
        """Yield keys to delete together; the next are asked for when those are gone."""
        start = 0
        while start < len(keys):
            begin, end = self._clock(), start + self._size
            yield keys[start:end]
            start = end
            took = self._clock() - begin
            if took > self._timeout / 4:
                self._size = max(1, self._size // 2)
            elif took < self._timeout / 20:
                self._size = min(_MOST, self._size * 2)


def one(client: Client, key: str) -> None:
    """Delete an object; a missing one is no error."""
    client.ask("delete object", "DELETE", key, allowed=(404,))


def many(client: Client, keys: Sequence[str]) -> None:
    """Delete objects in one request."""
    body = requests.wanted_gone(keys)
    headers = {"content-type": "application/xml", "content-md5": checksums.md5(body)}
    answer = client.ask(
        "delete objects", "POST", "", query={"delete": ""}, headers=headers, body=body
    )
    for row in documents.rows(documents.read(answer.body), "Error"):
        if row.get("Code") != "NoSuchKey":  # each with its own retries and hints
            one(client, row["Key"])
