"""Many deletions in one request: as many as the service does in good time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_FIRST = 250
_MOST = 1000  # that S3 takes


def batches(
    keys: Sequence[str], timeout: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[Sequence[str]]:
    """Yield keys to delete together; how many depends on how long those before have taken.

    Some services, such as Swift, delete them one after the other before they answer.
    """
    start, size = 0, _FIRST
    while start < len(keys):
        begin = clock()
        yield keys[start : start + size]
        start += size
        took = clock() - begin
        if took > timeout / 4:
            size = max(1, size // 2)
        elif took < timeout / 20:
            size = min(_MOST, size * 2)
