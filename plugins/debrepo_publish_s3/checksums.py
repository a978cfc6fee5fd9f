"""Checksums that the service verifies uploads with."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo_publish_s3.options import Options
    from debrepo_publish_s3.slices import Slice

_CHUNK = 1 << 20


def parameters(options: Options, body: bytes | Slice, sha256: str = "") -> dict[str, Any]:
    """Return the parameter that carries the configured checksum of ``body``.

    ``sha256``, where it is known already, saves reading a file for that one.
    """
    kind = options.checksum or ("md5" if options.endpoint else "sha256")
    if kind == "none":
        return {}
    if kind == "sha256" and sha256:
        return {"ChecksumSHA256": _base64(bytes.fromhex(sha256))}
    if kind == "crc32":
        return {"ChecksumCRC32": _base64(_crc32(body).to_bytes(4, "big"))}
    digest = hashlib.new(kind, usedforsecurity=False)
    for chunk in _chunks(body):
        digest.update(chunk)
    name = "ContentMD5" if kind == "md5" else "ChecksumSHA256"
    return {name: _base64(digest.digest())}


def algorithm(options: Options) -> dict[str, Any]:
    """Return the parameter that announces the checksums of parts that the service keeps."""
    kept = {"sha256": "SHA256", "crc32": "CRC32", "": "" if options.endpoint else "SHA256"}
    name = kept.get(options.checksum, "")
    return {"ChecksumAlgorithm": name} if name else {}


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
