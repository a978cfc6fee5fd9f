"""A bucket over the network: requests that are counted, limited and tried again."""

from __future__ import annotations

import base64
import hashlib
import random
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import botocore
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
    SSLError,
)
from botocore.parsers import ResponseParserError
from botocore.utils import determine_content_length

from debrepo.errors import DebrepoError, InvalidInput, RemoteError
from debrepo_publish_s3 import credentials
from debrepo_publish_s3.lanes import Lanes
from debrepo_publish_s3.refusals import Refused
from debrepo_publish_s3.slices import Slice

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo_publish_s3.options import Options

_SMALL = 1 << 20
_LONGEST_PAUSE = 20.0
_BUSY = {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"}
#: Temporary refusals whose status does not say so.
_PASSING = _BUSY | {
    "BadDigest", "ConditionalRequestConflict", "IncompleteBody", "OperationAborted",
    "RequestTimeout", "XAmzContentSHA256Mismatch",
}  # fmt: skip
_NETWORK = (HTTPClientError, IncompleteReadError, ResponseStreamingError, ResponseParserError)
_DENIED = {
    "AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch",
}  # fmt: skip


class Client:
    """One bucket; many threads may share it.

    ``service`` is what `connect` returned for the same options, which takes a while.
    """

    def __init__(
        self,
        options: Options,
        *,
        pause: Callable[[float], None] = time.sleep,
        service: Any = None,
    ) -> None:
        self._options = options
        self.pause = pause
        self.lanes = Lanes(options.connections)
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._service = service or connect(options)

    def call(
        self,
        operation: str,
        *,
        body: bytes | Slice | None = None,
        expected: tuple[int, ...] = (),
        **parameters: Any,
    ) -> dict[str, Any]:
        """Return the answer to ``operation``, such as ``put_object``, with its ``Body`` read.

        Temporary failures are retried, except for a status in ``expected``. Others are
        raised with a hint, or as `Refused` if the caller has to decide.
        """
        parameters["Bucket"] = self._options.bucket
        failure: Exception | None = None
        for attempt in range(self._options.attempts):
            if attempt:
                longest = min(0.2 * 2**attempt, _LONGEST_PAUSE)
                self.pause(longest * random.uniform(0.5, 1))  # noqa: S311
            if body is not None:
                parameters["Body"] = body
            try:
                with self.lanes.one():
                    answer = self._attempt(operation, parameters)
            except ClientError as error:
                failure = error
                if not self._passes(error) or _status(error) in expected:
                    raise self._refused(operation, parameters, error) from None
            except SSLError as error:
                raise RemoteError(
                    f"{operation} of s3://{self._options.bucket} failed: {error}",
                    hint="ca_file names the certificates to trust",
                ) from None
            except _NETWORK as error:
                failure = error
            except BotoCoreError as error:
                raise InvalidInput(
                    f"cannot use the bucket {self._options.bucket}: {error}",
                    hint="are the credentials and the region configured?",
                ) from error
            else:
                self.lanes.widen()
                return answer
        raise RemoteError(
            f"{operation} of {self._where(parameters)} failed {self._options.attempts} times: "
            f"{_said(failure)}",
            hint="is the service up? what was published before is still served",
        )

    def statistics(self) -> dict[str, int]:
        """Return the requests so far by kind, tries and retries alike, and the bytes."""
        with self._counting:
            return dict(sorted(self._counts.items()))

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def _attempt(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        body = parameters.get("Body")
        sent = 0 if body is None else len(body)
        if isinstance(body, Slice):
            body.seek(0)
        self._count(operation.replace("_", " "), 1)
        self._count("bytes sent", sent)
        begin = time.monotonic()
        status: object = "no answer"
        try:
            answer: dict[str, Any] = getattr(self._service, operation)(**parameters)
            if "Body" in answer:
                answer["Body"] = answer["Body"].read()
                self._count("bytes received", len(answer["Body"]))
            status = answer["ResponseMetadata"]["HTTPStatusCode"]
            return answer
        except ClientError as error:
            status = _status(error)
            raise
        finally:
            if self._options.debug:
                took = f"{(time.monotonic() - begin) * 1000:.0f} ms"
                sys.stderr.write(
                    f"s3: {operation} {parameters.get('Key', '')} {sent} bytes: {status}, {took}\n"
                )

    def _count(self, what: str, number: int) -> None:
        if number:
            with self._counting:
                self._counts[what] += number

    def _passes(self, error: ClientError) -> bool:
        code, status = error.response["Error"].get("Code", ""), _status(error)
        if code in _BUSY or status in (429, 503):
            self.lanes.narrow()
            return True
        return code in _PASSING or (status >= 500 and status != 501)

    def _where(self, parameters: dict[str, Any]) -> str:
        return f"s3://{self._options.bucket}/{parameters.get('Key', parameters.get('Prefix', ''))}"

    def _refused(
        self, operation: str, parameters: dict[str, Any], error: ClientError
    ) -> DebrepoError:
        code, status = error.response["Error"].get("Code", ""), _status(error)
        what = f"{operation} of {self._where(parameters)} was refused: {_said(error)}"
        if code == "NoSuchBucket":
            return InvalidInput(
                f"there is no bucket {self._options.bucket}",
                hint="create it, or set bucket, region and endpoint to one that exists",
            )
        if status in (301, 307) or code in ("PermanentRedirect", "AuthorizationHeaderMalformed"):
            return InvalidInput(what, hint="is region that of the bucket?")
        if code in _DENIED or status in (401, 403):
            return InvalidInput(
                what,
                hint="the credentials need s3:GetObject, s3:PutObject, s3:DeleteObject and "
                "s3:ListBucket (without which a missing object is forbidden, too)",
            )
        return Refused(what, status=status, code=code)


def connect(options: Options) -> Any:
    """Return the AWS library's client; raise `InvalidInput` if the options do not suffice."""
    addressing = options.addressing or ("path" if options.endpoint else "auto")
    config = Config(
        retries={"total_max_attempts": 1},  # ours are counted, and know of lost answers
        max_pool_connections=options.connections,
        connect_timeout=min(options.timeout, 20),
        read_timeout=options.timeout,
        request_checksum_calculation="when_required",  # ours are sent, see `checksums`
        response_checksum_validation="when_required",
        s3={"addressing_style": addressing},
        user_agent=f"debrepo botocore/{botocore.__version__}",  # theirs is put together each time
    )
    try:
        service = credentials.session(options).create_client(
            "s3",
            config=config,
            region_name=options.region or ("us-east-1" if options.endpoint else None),
            endpoint_url=options.endpoint or None,
            verify=options.ca_file or None,
        )
    except (BotoCoreError, ValueError) as error:
        raise InvalidInput(
            f"cannot use the bucket {options.bucket}: {error}",
            hint="are the credentials and the region configured?",
        ) from error
    service.meta.events.register_last("before-call.s3", _drop_expect)
    if options.endpoint:
        service.meta.events.register("before-call.s3.DeleteObjects", _add_digest)
    return service


def _drop_expect(params: dict[str, Any], **_: Any) -> None:
    """Send small bodies without ``Expect: 100-continue``, which takes as long as sending them."""
    if determine_content_length(params["body"]) < _SMALL:
        params["headers"].pop("Expect", None)


def _add_digest(params: dict[str, Any], **_: Any) -> None:
    """Send the MD5 of a request for many deletions: older services require it."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"].get("HTTPStatusCode", 0))


def _said(error: Exception | None) -> str:
    if isinstance(error, ClientError):
        told = error.response["Error"]
        return f"status {_status(error)}, {told.get('Code', '')}: {told.get('Message', '')}"
    return str(error)
