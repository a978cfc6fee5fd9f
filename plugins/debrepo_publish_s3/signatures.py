"""Signatures of requests to Amazon's services and those that follow them (Signature Version 4)."""

from __future__ import annotations

import hashlib
import hmac
import time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY = hashlib.sha256(b"").hexdigest()


class AccessKey(NamedTuple):
    """What requests are signed with, until it expires, by the clock of this machine."""

    name: str
    secret: str
    token: str = ""
    expires: float = 0.0  #: seconds of the epoch; 0: never


def query_string(query: Mapping[str, str]) -> str:
    """Return parameters as a URL and a signature have them."""
    pairs = sorted((quote(name, safe="-_.~"), quote(query[name], safe="-_.~")) for name in query)
    return "&".join([f"{name}={value}" for name, value in pairs])


def sign(
    key: AccessKey,
    scope: tuple[str, str],
    method: str,
    address: tuple[str, str, str],
    headers: Mapping[str, str],
    digest: str,
) -> list[str]:
    """Return the header lines of a request, with a signature over all of them.

    ``scope`` is a region and the name of the service there; ``address`` the host, and the path
    and the query as they are sent; names of headers are in lower case; ``digest`` is the SHA-256
    of the body, in hex, or `UNSIGNED`.
    """
    host, path, query = address
    moment = _moment(int(time.time()))
    signed = {
        **headers,
        "host": host,
        "x-amz-content-sha256": digest,
        "x-amz-date": moment,
    }
    if key.token:
        signed["x-amz-security-token"] = key.token
    names = sorted(signed)
    lines = "".join([f"{name}:{signed[name]}\n" for name in names])
    listed = ";".join(names)
    canonical = f"{method}\n{path}\n{query}\n{lines}\n{listed}\n{digest}"
    place = f"{moment[:8]}/{scope[0]}/{scope[1]}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{place}\n{hashed}"
    derived = _derived(key.secret, moment[:8], *scope)
    signature = hmac.digest(derived, text.encode(), "sha256").hex()
    fields = [f"{name}: {value}" for name, value in signed.items()]
    fields.append(
        f"Authorization: AWS4-HMAC-SHA256 Credential={key.name}/{place}, "
        f"SignedHeaders={listed}, Signature={signature}"
    )
    return fields


@lru_cache(maxsize=1)
def _moment(seconds: int) -> str:
    """Return a time as requests name it; many are signed within a second."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


@lru_cache(maxsize=8)
def _derived(secret: str, day: str, region: str, service: str) -> bytes:
    """Return the key for a day, which all requests of that day are signed with."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
