"""Signatures of requests with the key of an account (Shared Key)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIGNED = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip


def authorization(
    account: str,
    key: bytes,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    size: int,
) -> str:
    """Return the header that signs a request; ``path`` is as it is sent, the query is not."""
    told = {**headers, "content-length": str(size) if size else ""}
    lines = [method, *(told.get(name, "") for name in _SIGNED)]
    lines += [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("x-ms-")]
    lines.append(f"/{account}{path}")
    lines += [f"{name}:{query[name]}" for name in sorted(query)]
    digest = hmac.digest(key, "\n".join(lines).encode(), hashlib.sha256)
    return f"SharedKey {account}:{base64.b64encode(digest).decode()}"
