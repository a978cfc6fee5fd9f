"""What real S3 checks of a request and the test server does not: digests and signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import threading
import zlib
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from debrepo.testing.faults import FaultProxy, Reply, Request

if TYPE_CHECKING:
    from object_stores.services import Service

_CONDITIONS = {"if-match", "if-none-match"}
_CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
)


class StrictProxy(FaultProxy):
    """Refuses what is not signed by the one key there is, or does not match its digests.

    With ``ignorant``, it drops conditions like a service that has never heard of them; with
    ``unquoted`` it wants entity tags without their quotes, as radosgw does.
    """

    def __init__(self, service: Service, *, ignorant: bool = False, unquoted: bool = False) -> None:
        super().__init__(service.port)
        self.service = service
        self.ignorant = ignorant
        self.unquoted = unquoted
        self.writing = threading.Lock()
        self.refused: list[str] = []

    def alone(self, request: Request) -> AbstractContextManager[object]:
        """Let conditional writes be atomic, which those of the test server are not."""
        conditional = _CONDITIONS & request.headers.keys()
        return self.writing if conditional else nullcontext()

    def check(self, request: Request) -> Reply | None:
        for code in (_signature(request, self.service), _digest(request)):
            if code:
                self.refused.append(code)
                status = 403 if code == "SignatureDoesNotMatch" else 400
                return refusal(status, code)
        tag = request.headers.get("if-match", "")
        if self.ignorant:
            _forget_conditions(request, self.service)
        elif self.unquoted and tag:
            if tag.startswith('"'):
                return refusal(412, "PreconditionFailed")
            request.headers["if-match"] = f'"{tag}"'
        return None


def refusal(status: int, code: str) -> Reply:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
    return Reply(status, {"Content-Type": "application/xml"}, body.encode())


def _digest(request: Request) -> str:
    headers, body = request.headers, request.body
    told = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    if told != "UNSIGNED-PAYLOAD" and told != hashlib.sha256(body).hexdigest():
        return "XAmzContentSHA256Mismatch"
    for name, actual in (
        ("content-md5", hashlib.md5(body).digest()),
        ("x-amz-checksum-sha256", hashlib.sha256(body).digest()),
        ("x-amz-checksum-crc32", zlib.crc32(body).to_bytes(4, "big")),
    ):
        if name in headers and base64.b64decode(headers[name]) != actual:
            return "BadDigest"
    return ""


def _signature(request: Request, service: Service) -> str:
    found = _CREDENTIAL.match(request.headers.get("authorization", ""))
    if not found or found[1] != service.access_key:
        return "" if _is_public(request) else "SignatureDoesNotMatch"
    _, day, region, names, signature = found.groups()
    if not {"host", "x-amz-content-sha256"} <= set(names.split(";")):
        return "SignatureDoesNotMatch"
    right = _sign(request, service, day, region, names)
    return "" if hmac.compare_digest(right, signature) else "SignatureDoesNotMatch"


def _sign(request: Request, service: Service, day: str, region: str, names: str) -> str:
    """Compute a signature as the documentation of AWS says (Signature Version 4)."""
    address = urlsplit(request.target)
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(address.query, keep_blank_values=True)
    )
    canonical = "\n".join(
        [
            request.method,
            quote(unquote(address.path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            *(
                f"{name}:{' '.join(request.headers.get(name, '').split())}"
                for name in names.split(";")
            ),
            "",
            names,
            request.headers["x-amz-content-sha256"],
        ]
    )
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{digest}"
    key = f"AWS4{service.secret_key}".encode()
    for part in (day, region, "s3", "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def _forget_conditions(request: Request, service: Service) -> None:
    """Drop what is conditional, and sign anew: services check what they have been sent."""
    found = _CREDENTIAL.match(request.headers.get("authorization", ""))
    if not found or not _CONDITIONS & request.headers.keys():
        return
    key, day, region, names, _ = found.groups()
    for name in _CONDITIONS:
        request.headers.pop(name, None)
    names = ";".join(name for name in names.split(";") if name not in _CONDITIONS)
    signature = _sign(request, service, day, region, names)
    request.headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key}/{day}/{region}/s3/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


def _is_public(request: Request) -> bool:
    """Clients of the repository read without a signature."""
    return request.method in ("GET", "HEAD") and "authorization" not in request.headers
