"""Conditional writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.wire.refusals import Refused

if TYPE_CHECKING:
    from debrepo.wire.slices import Slice
    from debrepo_publish_s3.client import Client

_TAKEN = (404, 412)
_PROBE = "~debrepo-probe"


def create(client: Client, key: str, body: bytes | Slice, headers: dict[str, str]) -> str:
    """Store an object unless there is one; return its entity tag, or nothing if there was.

    If the answer to an earlier try was lost, the existing object may be this one.
    """
    return _put(client, key, body, {**headers, "if-none-match": "*"})


def replace(client: Client, key: str, body: bytes, tag: str, headers: dict[str, str]) -> str:
    """Replace the object whose entity tag is ``tag``; return the new one, or nothing.

    As with `create`, an earlier try may have stored the existing object.
    """
    return _put(client, key, body, {**headers, "if-match": tag})


def _put(client: Client, key: str, body: bytes | Slice, headers: dict[str, str]) -> str:
    answer = client.ask("put object", "PUT", key, headers=headers, body=body, allowed=_TAKEN)
    if answer.status in _TAKEN:
        return ""
    if "etag" not in answer.headers:  # Swift has none for a write that another has overtaken
        answer = client.ask("head object", "HEAD", key)
    return answer.headers["etag"]


def understood(client: Client, prefix: str) -> bool:
    """Return whether the service supports conditional writes, tested with one object.

    That object stays, so that every time but the first this takes one request.
    """
    key = f"{prefix}/{_PROBE}".lstrip("/")
    try:
        return not (create(client, key, b"", {}) and create(client, key, b"", {}))
    except Refused as refusal:
        if refusal.status in (400, 405, 501):
            return False
        raise
