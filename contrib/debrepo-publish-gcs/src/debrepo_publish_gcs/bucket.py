"""A bucket over the network, by Google's XML interface: addresses, tokens and refusals."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from debrepo.errors import DebrepoError, InvalidInput
from debrepo.wire.web_service import Conduct, SignedRequest, WebService

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.wire.refusals import Reason
    from debrepo.wire.slices import Slice
    from debrepo.wire.transfer import WireAnswer
    from debrepo_publish_gcs.tokens import AccountTokens

GOOGLE = "https://storage.googleapis.com"


class GcsBucket(WebService):
    """One bucket; many threads may share it."""

    scheme = "gcs"
    busy = ("SlowDown", "RateLimitExceeded")
    passing = (*busy, "BadDigest", "IncompleteBody", "RequestTimeout")

    def __init__(
        self,
        bucket: str,
        tokens: AccountTokens,
        conduct: Conduct,
        *,
        endpoint: str = "",
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(conduct, pause=pause)
        self._bucket = bucket
        self._tokens = tokens
        self._base = f"{(endpoint or GOOGLE).rstrip('/')}/{bucket}"

    def where(self, key: str) -> str:
        return f"gcs://{self._bucket}/{key}"

    def write(
        self,
        method: str,
        key: str,
        query: dict[str, str],
        headers: dict[str, str],
        body: bytes | Slice | None,
    ) -> SignedRequest:
        url = self._base + (f"/{quote(key, safe='/-_.~')}" if key else "")
        if query:
            pairs = [f"{name}={quote(value, safe='-_.~')}" for name, value in query.items()]
            url = f"{url}?{'&'.join(pairs)}"
        fields = [f"{name}: {value}" for name, value in headers.items()]
        fields.append(f"Authorization: Bearer {self._tokens.token()}")
        if "content-type" not in headers:
            fields.append("Content-Type:")  # libcurl has one of its own
        return SignedRequest(method, url, fields)

    def explain(self, said: Reason, answer: WireAnswer, what: str) -> DebrepoError | None:
        if said.code == "NoSuchBucket":
            return InvalidInput(
                f"there is no bucket {self._bucket}",
                hint="create it, or set bucket to one that exists",
            )
        if said.status in (401, 403):
            return InvalidInput(
                f"Google refuses {what}: {said}",
                hint="does the account have the role Storage Object Admin on the bucket?",
            )
        return None

    def renew(self, said: Reason) -> bool:
        if said.status != 401 or self._tokens.fixed:
            return False
        self._tokens.token(fresh=True)
        return True
