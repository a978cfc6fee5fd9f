"""A container of Azure Blob Storage as a publish storage."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Self

from debrepo.errors import InvalidInput
from debrepo.service_storage import NamesPage, ServiceStorage, md5
from debrepo.wire import documents
from debrepo.wire.web_service import Conduct
from debrepo_publish_azure.service import ContainerService, Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from debrepo.object_storage import Headers
    from debrepo.wire.slices import Slice
    from debrepo.wire.transfer import WireAnswer

_BLOCK = 64 << 20  # bytes; larger files travel in blocks of this size


class AzureStorage(ServiceStorage):
    """The blobs of a container, or those below a prefix."""

    block = _BLOCK

    @classmethod
    def open(cls, name: str, options: Mapping[str, Any], root: Path) -> Self:
        account, key = options.get("account_name", ""), options.get("account_key", "")
        setting = f"storage.azure.{name}"
        if not options.get("container") or not (account or options.get("endpoint")):
            raise InvalidInput(
                f"storage azure:{name} has no container, or no account",
                hint=f"set {setting}.container, and {setting}.account_name or endpoint",
            )
        url = options.get("endpoint") or f"https://{account}.blob.core.windows.net"
        token = "" if key else options.get("sas_token", "")
        place = Place(url, options["container"], account, key, token)
        conduct = Conduct(
            **{key: options[key] for key in Conduct._fields if options.get(key) is not None}
        )
        try:
            service = ContainerService(place, conduct)
        except ValueError as error:
            raise InvalidInput(
                f"cannot use the storage azure:{name}: {error}", hint=f"check {setting}.account_key"
            ) from error
        return cls(
            service,
            owner=f"{root.stat().st_dev}:{root.stat().st_ino}",
            prefix=options.get("prefix", ""),
            public_url=options.get("public_url", ""),
        )

    def condition(self, only_if: str) -> dict[str, str]:
        return {"if-match": only_if} if only_if else {"if-none-match": "*"}

    def tag(self, answer: WireAnswer) -> str:
        return answer.headers["etag"]

    def dressed(self, headers: Headers) -> dict[str, str]:
        return {
            "x-ms-blob-type": "BlockBlob",
            "x-ms-blob-content-type": headers.content_type,
            "x-ms-blob-cache-control": headers.cache_control,
        }

    def page(self, prefix: str, start: str) -> NamesPage:
        query = {"restype": "container", "comp": "list", "prefix": prefix}
        if start:
            query["marker"] = start
        answer = documents.read(self.service.ask("list blobs", "GET", "", query=query).body)
        keys = [found["Name"] for found in documents.rows(answer, "Blob")]
        return NamesPage(keys, documents.text(answer, "NextMarker"))

    def send(
        self, key: str, body: bytes | Slice, headers: dict[str, str], *, conditional: bool
    ) -> bool | str:
        if isinstance(body, bytes) or len(body) <= self.block:
            return super().send(key, body, headers, conditional=conditional)
        names: list[str] = []
        for start in range(0, len(body), self.block):
            names.append(base64.b64encode(b"%08d" % len(names)).decode())
            body.seek(start)
            block = body.read(self.block)
            self.service.ask(
                "put block",
                "PUT",
                key,
                query={"comp": "block", "blockid": names[-1]},
                headers={"content-md5": md5(block)},
                body=block,
            )
        del headers["x-ms-blob-type"]
        rows = "".join([f"<Latest>{name}</Latest>" for name in names])
        listed = f"<?xml version='1.0' encoding='utf-8'?><BlockList>{rows}</BlockList>".encode()
        return self.join(key, listed, headers, conditional=conditional)

    def join(
        self, key: str, listed: bytes, headers: dict[str, str], *, conditional: bool
    ) -> bool | str:
        """Make a blob of its blocks, in one step."""
        answer = self.service.ask(
            "put block list",
            "PUT",
            key,
            query={"comp": "blocklist"},
            headers=headers | {"content-md5": md5(listed)},
            body=listed,
            allowed=(404, 409, 412) if conditional else (),
        )
        return self.tag(answer) if answer.status < 300 else False
