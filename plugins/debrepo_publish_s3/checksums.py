"""Checksums that the service verifies uploads with."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.wire.slices import Slice
    from debrepo_publish_s3.options import Options

_CHUNK = 1 << 20
_MD5, _SHA256, _CRC32 = "content-md5", "x-amz-checksum-sha256", "x-amz-checksum-crc32"


def headers(options: Options, body: bytes | Slice, digest: str = "") -> dict[str, str]:
    """Return the headers that carry the configured checksum of ``body``.

    ``digest``, its SHA-256 in hex where that is known already, saves reading a file for it.
    """
    kind = options.checksum or ("md5" if options.endpoint else "sha256")
    if kind == "none":
        return {}
    if kind == "md5":
        return {_MD5: md5(body)}
    if kind == "crc32":
        return {_CRC32: _base64(_crc32(body).to_bytes(4, "big"))}
    return {_SHA256: _base64(bytes.fromhex(digest) if digest else sha256(body))}


def protected(given: dict[str, str]) -> bool:
    """Return whether there is a checksum among these headers."""
    return _MD5 in given or _SHA256 in given or _CRC32 in given


def algorithm(options: Options) -> str:
    """Return the name of the checksums of parts that the service keeps, if it keeps any."""
    kept = {"sha256": "SHA256", "crc32": "CRC32", "": "" if options.endpoint else "SHA256"}
    return kept.get(options.checksum, "")


def of_part(given: dict[str, str]) -> str:
    """Return the element that repeats the checksum of a part when an upload is completed."""
    for header, name in ((_SHA256, "ChecksumSHA256"), (_CRC32, "ChecksumCRC32")):
        if header in given:
            return f"<{name}>{given[header]}</{name}>"
    return ""


def md5(body: bytes | Slice) -> str:
    """Return the MD5 of a body as its header has it."""
    if isinstance(body, bytes):
        return _base64(hashlib.md5(body, usedforsecurity=False).digest())
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in _chunks(body):
        digest.update(chunk)
    return _base64(digest.digest())


def sha256(body: bytes | Slice) -> bytes:
    """Return the SHA-256 of a body."""
    digest = hashlib.sha256()
    for chunk in _chunks(body):
        digest.update(chunk)
    return digest.digest()


def _crc32(body: bytes | Slice) -> int:
    value = 0
    for chunk in _chunks(body):
        value = zlib.crc32(chunk, value)
    return value


def _chunks(body: bytes | Slice) -> Iterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    body.seek(0)
    while chunk := body.read(_CHUNK):
        yield chunk


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
