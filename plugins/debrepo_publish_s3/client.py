"""A bucket over the network: what it is asked, and what its refusals mean."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from debrepo.errors import DebrepoError, InvalidInput
from debrepo.wire.web_service import Conduct, SignedRequest, WebService
from debrepo_publish_s3 import addressing, checksums
from debrepo_publish_s3.credentials import Wallet
from debrepo_publish_s3.signatures import EMPTY, UNSIGNED, query_string, sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.wire.refusals import Reason
    from debrepo.wire.slices import Slice
    from debrepo.wire.transfer import WireAnswer
    from debrepo_publish_s3.options import Options

_BUSY = {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
_DENIED = {
    "AccessDenied", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch",
    "AuthorizationHeaderMalformed", *_EXPIRED,
}  # fmt: skip
_DIGEST = "x-amz-content-sha256"


class Client(WebService):
    """One bucket; many threads may share it."""

    scheme = "s3"
    busy = _BUSY
    passing = _BUSY | {
        "BadDigest", "ConditionalRequestConflict", "IncompleteBody", "OperationAborted",
        "RequestTimeout", "XAmzContentSHA256Mismatch",
    }  # fmt: skip

    def __init__(self, options: Options, *, pause: Callable[[float], None] = time.sleep) -> None:
        conduct = Conduct(
            options.connections, options.attempts, options.timeout, options.ca_file, options.debug
        )
        super().__init__(conduct, pause=pause)
        self._options = options
        self._wallet = Wallet(options)
        self._address = addressing.address(options)

    def where(self, key: str) -> str:
        return f"s3://{self._options.bucket}/{key}"

    def write(
        self,
        method: str,
        key: str,
        query: dict[str, str],
        headers: dict[str, str],
        body: bytes | Slice | None,
    ) -> SignedRequest:
        address = self._address
        path = address.path + quote(key, safe="/-_.~")
        if not key:
            path = path.rstrip("/") or "/"
        parameters = query_string(query) if query else ""
        scope = (address.region, "s3")
        fields = sign(
            self._wallet.key(),
            scope,
            method,
            (address.host, path, parameters),
            {name: value for name, value in headers.items() if name != _DIGEST},
            headers.get(_DIGEST) or self._digest(headers, body),
        )
        if "content-type" not in headers and isinstance(body, bytes):
            fields.append("Content-Type:")  # libcurl has one of its own
        url = f"{address.origin}{path}"
        return SignedRequest(method, f"{url}?{parameters}" if parameters else url, fields)

    def explain(self, said: Reason, answer: WireAnswer, what: str) -> DebrepoError | None:
        if said.code == "NoSuchBucket":
            return InvalidInput(
                f"there is no bucket {self._options.bucket}",
                hint="create it, or set bucket, region and endpoint to one that exists",
            )
        region = answer.headers.get("x-amz-bucket-region", "")
        moved = said.status in (301, 307) or said.code == "PermanentRedirect"
        if moved or (said.status == 400 and region not in ("", self._address.region)):
            wanted = f'set region = "{region}"' if region else "is region that of the bucket?"
            return InvalidInput(f"{what} was refused: {said}", hint=wanted)
        if said.code == "RequestTimeTooSkewed":
            theirs = answer.headers.get("date", "another")
            return InvalidInput(
                f"{what} was refused: the time is {theirs} by the clock of the service, and "
                f"{time.strftime('%H:%M:%S GMT', time.gmtime())} by that of this machine",
                hint='set the clock: run "timedatectl set-ntp true"',
            )
        if said.code in _EXPIRED:
            return InvalidInput(
                f"{what} was refused: the temporary credentials have expired",
                hint="get new ones; a role, a profile or a machine renews them by itself",
            )
        if said.code in _DENIED or said.status in (401, 403):
            return InvalidInput(
                f"{what} was refused: {said}",
                hint="the credentials need s3:GetObject, s3:PutObject, s3:DeleteObject and "
                "s3:ListBucket (without which a missing object is forbidden, too)",
            )
        return None

    def renew(self, said: Reason) -> bool:
        return said.code in _EXPIRED and self._wallet.renew()

    def _digest(self, headers: dict[str, str], body: bytes | Slice | None) -> str:
        """Return the SHA-256 of a body, unless another checksum and encryption protect it."""
        if not body:
            return EMPTY
        if self._address.encrypted and checksums.protected(headers):
            return UNSIGNED
        if isinstance(body, bytes):
            return hashlib.sha256(body).hexdigest()
        return checksums.sha256(body).hex()
