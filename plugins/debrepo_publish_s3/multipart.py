"""Multipart uploads of large files, several parts at a time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from debrepo.errors import RemoteError
from debrepo.object_storage import side_by_side
from debrepo.wire import documents, refusals
from debrepo.wire.refusals import Refused, age
from debrepo.wire.slices import Slice
from debrepo_publish_s3 import checksums, requests

if TYPE_CHECKING:
    from debrepo.storage import PoolLink
    from debrepo_publish_s3.client import Client
    from debrepo_publish_s3.options import Options

_MOST_PARTS = 10_000
_THREADS = 4  # for one file; several files may be on their way


def is_large(size: int, options: Options) -> bool:
    """Return whether a file of ``size`` bytes is uploaded in parts."""
    return size > 4 * options.part_size


def upload(
    client: Client, options: Options, key: str, file: PoolLink, headers: dict[str, str]
) -> None:
    """Upload a file; it appears when the upload is complete."""
    if kept := checksums.algorithm(options):
        headers = {**headers, "x-amz-checksum-algorithm": kept}
    begun = client.ask(
        "create multipart upload", "POST", key, query={"uploads": ""}, headers=headers, body=b""
    )
    upload_id = documents.text(documents.read(begun.body), "UploadId")
    size = max(options.part_size, -(-file.size // _MOST_PARTS))
    parts: dict[int, str] = {}

    def send(number: int) -> None:
        start = (number - 1) * size
        part = Slice(file.source, start, min(size, file.size - start))
        with part:
            checksum = checksums.headers(options, part)
            answer = client.ask(
                "upload part",
                "PUT",
                key,
                query={"partNumber": str(number), "uploadId": upload_id},
                headers=checksum,
                body=part,
            )
        parts[number] = (
            f"<Part><PartNumber>{number}</PartNumber><ETag>{answer.headers['etag']}</ETag>"
            f"{checksums.of_part(checksum)}</Part>"  # S3 wants the checksums of parts again
        )

    try:
        side_by_side(send, range(1, -(-file.size // size) + 1), _THREADS)
        _complete(client, key, upload_id, [parts[number] for number in sorted(parts)], file.size)
    except BaseException:
        with suppress(RemoteError):
            _abort(client, key, upload_id)
        raise


def _complete(client: Client, key: str, upload_id: str, parts: list[str], size: int) -> None:
    what = "complete multipart upload"
    answer = client.ask(
        what,
        "POST",
        key,
        query={"uploadId": upload_id},
        headers={"content-type": "application/xml"},
        body=requests.completed(parts),
        allowed=(404,),
    )
    said = refusals.reason(answer)
    if answer.status == 200 and not said.code:
        return
    if answer.status == 404:  # the answer to an earlier try was lost
        found = client.ask("head object", "HEAD", key, allowed=(404,))
        if found.status == 200 and int(found.headers.get("content-length", -1)) == size:
            return
    # S3 says 200 before it knows whether the parts can be joined
    raise RemoteError(
        f"{what} of {client.where(key)} failed: {said}",
        hint="is the service up? what was published before is still served",
    )


def _abort(client: Client, key: str, upload_id: str) -> None:
    client.ask("abort multipart upload", "DELETE", key, query={"uploadId": upload_id})


def sweep(client: Client, prefix: str, oldest: float) -> None:
    """Abort uploads below ``prefix`` that have been unfinished for ``oldest`` seconds."""
    from datetime import datetime

    query = {"uploads": "", "prefix": prefix, "encoding-type": "url"}
    while True:
        answer = client.ask("list multipart uploads", "GET", "", query=query)
        page = documents.read(answer.body)
        decode = documents.decoding(page)
        for pending in documents.rows(page, "Upload"):
            if age(answer, datetime.fromisoformat(pending["Initiated"])) > oldest:
                with suppress(Refused):  # another process has
                    _abort(client, decode(pending["Key"]), pending["UploadId"])
        if documents.text(page, "IsTruncated") != "true":
            return
        query |= {
            "key-marker": decode(documents.text(page, "NextKeyMarker")),
            "upload-id-marker": documents.text(page, "NextUploadIdMarker"),
        }
