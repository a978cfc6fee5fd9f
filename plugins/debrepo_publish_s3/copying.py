"""Copies of objects, which the service makes by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from debrepo.errors import NotFound, RemoteError
from debrepo.wire import documents, refusals

if TYPE_CHECKING:
    from debrepo_publish_s3.client import Client

MOST = 5 << 30  #: bytes that a service copies in one request


def source(bucket: str, key: str) -> dict[str, str]:
    """Return the headers that name what is copied, whose own headers are replaced."""
    return {
        "x-amz-copy-source": f"/{bucket}/{quote(key, safe='/-_.~')}",
        "x-amz-metadata-directive": "REPLACE",
    }


def copy(client: Client, key: str, headers: dict[str, str], origin: str) -> str:
    """Copy an object, and return the entity tag of the copy."""
    answer = client.ask("copy object", "PUT", key, headers=headers, body=b"", allowed=(404,))
    if answer.status == 404:
        raise NotFound(f"no object {client.where(origin)} to copy", hint='run "debrepo db check"')
    said = refusals.reason(answer)
    if said.code:  # S3 says 200 before it knows whether it can copy
        raise RemoteError(f"copy object of {client.where(key)} failed: {said}", hint="try again")
    return documents.text(documents.read(answer.body), "ETag")
