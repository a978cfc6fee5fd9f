"""Telling a webhook that clients see something else."""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from debrepo.errors import InvalidInput
from debrepo.notices import Retry

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT = 10  # seconds


def tell(url: str, publication: str, paths: Sequence[str]) -> None:
    """Send what has changed; ask to be called again if the receiver does not take it."""
    if not url.startswith(("http://", "https://")):
        raise InvalidInput(f"house.webhook is not an HTTP URL: {url!r}")
    body = json.dumps({"publication": publication, "paths": sorted(paths)}).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(url, body, headers)  # noqa: S310  # its scheme was checked
    try:
        urlopen(request, timeout=_TIMEOUT).close()  # noqa: S310
    except (OSError, HTTPException) as error:
        raise Retry(f"{url} was not told of {publication}: {error}") from None
