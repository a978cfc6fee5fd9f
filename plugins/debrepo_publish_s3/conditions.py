"""Conditional writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debrepo_publish_s3.refusals import Refused

if TYPE_CHECKING:
    from debrepo_publish_s3.client import Client

_TAKEN = (404, 412)
_PROBE = "~debrepo-probe"


def create(client: Client, key: str, body: Any, **parameters: Any) -> str:
    """Store an object unless there is one; return its entity tag, or nothing if there was.

    If the answer to an earlier try was lost, the existing object may be this one.
    """
    return _put(client, Key=key, body=body, IfNoneMatch="*", **parameters)


def replace(client: Client, key: str, body: Any, tag: str, **parameters: Any) -> str:
    """Replace the object whose entity tag is ``tag``; return the new one, or nothing.

    As with `create`, an earlier try may have stored the existing object.
    """
    return _put(client, Key=key, body=body, IfMatch=tag, **parameters)


def _put(client: Client, **parameters: Any) -> str:
    try:
        answer = client.call("put_object", expected=_TAKEN, **parameters)
    except Refused as refusal:
        if refusal.status not in _TAKEN:
            raise
        return ""
    if "ETag" not in answer:  # Swift has none for a write that another has overtaken
        answer = client.call("head_object", Key=parameters["Key"])
    return str(answer["ETag"])


def understood(client: Client, prefix: str) -> bool:
    """Return whether the service supports conditional writes, tested with one object.

    That object stays, so that every time but the first this takes one request.
    """
    key = f"{prefix}/{_PROBE}".lstrip("/")
    try:
        return not (create(client, key, b"") and create(client, key, b""))
    except Refused as refusal:
        if refusal.status in (400, 405, 501):
            return False
        raise
