"""Multipart uploads of large files, several parts at a time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from debrepo.errors import RemoteError
from debrepo.object_storage import side_by_side
from debrepo_publish_s3 import checksums
from debrepo_publish_s3.refusals import Refused, age
from debrepo_publish_s3.slices import Slice

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
    client: Client, options: Options, key: str, file: PoolLink, parameters: dict[str, Any]
) -> None:
    """Upload a file; it appears when the upload is complete."""
    begun = client.call(
        "create_multipart_upload", Key=key, **parameters, **checksums.algorithm(options)
    )
    upload_id = begun["UploadId"]
    size = max(options.part_size, -(-file.size // _MOST_PARTS))
    tags: dict[int, dict[str, Any]] = {}

    def send(number: int) -> None:
        start = (number - 1) * size
        part = Slice(file.source, start, min(size, file.size - start))
        with part:
            checksum = checksums.parameters(options, part)
            answer = client.call(
                "upload_part",
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                body=part,
                **checksum,
            )
        checksum.pop("ContentMD5", None)  # S3 wants the checksums of parts again
        tags[number] = {"PartNumber": number, "ETag": answer["ETag"], **checksum}

    try:
        side_by_side(send, range(1, -(-file.size // size) + 1), _THREADS)
        parts = [tags[number] for number in sorted(tags)]
        _complete(client, key, upload_id, parts, file.size)
    except BaseException:
        with suppress(RemoteError):
            client.call("abort_multipart_upload", Key=key, UploadId=upload_id)
        raise


def _complete(
    client: Client, key: str, upload_id: str, parts: list[dict[str, Any]], size: int
) -> None:
    try:
        client.call(
            "complete_multipart_upload",
            Key=key,
            UploadId=upload_id,
            MultipartUpload={"Parts": parts},
        )
    except Refused as refusal:
        if refusal.status != 404:
            raise
        found = client.call("head_object", Key=key)  # the answer to an earlier try was lost
        if found["ContentLength"] != size:
            raise


def sweep(client: Client, prefix: str, oldest: float) -> None:
    """Abort uploads below ``prefix`` that have been unfinished for ``oldest`` seconds."""
    marker: dict[str, Any] = {}
    while True:
        page = client.call("list_multipart_uploads", Prefix=prefix, **marker)
        for pending in page.get("Uploads", ()):
            if age(page, pending["Initiated"]) > oldest:
                with suppress(Refused):  # another process has
                    client.call(
                        "abort_multipart_upload", Key=pending["Key"], UploadId=pending["UploadId"]
                    )
        if not page.get("IsTruncated"):
            return
        marker = {
            "KeyMarker": page["NextKeyMarker"],
            "UploadIdMarker": page["NextUploadIdMarker"],
        }
