"""A bucket of Google Cloud Storage as a publish storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from debrepo.errors import InvalidInput
from debrepo.service_storage import NamesPage, ServiceStorage
from debrepo.wire import documents
from debrepo.wire.web_service import Conduct, WebService
from debrepo_publish_gcs.bucket import GcsBucket
from debrepo_publish_gcs.tokens import AccountTokens

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from debrepo.object_storage import Headers
    from debrepo.wire.transfer import WireAnswer

_OBJECT = {
    "acl": "x-goog-acl",
    "storage_class": "x-goog-storage-class",
    "kms_key": "x-goog-encryption-kms-key-name",
}


class GcsStorage(ServiceStorage):
    """The objects of a bucket, or those below a prefix; their generations are their tags.

    Objects of up to 5 TiB take one request.
    """

    def __init__(
        self, service: WebService, *, settings: Mapping[str, str] | None = None, **place: str
    ) -> None:
        super().__init__(service, **place)
        given = settings or {}
        self._always = {header: given[name] for name, header in _OBJECT.items() if given.get(name)}

    @classmethod
    def open(cls, name: str, options: Mapping[str, Any], root: Path) -> Self:
        if not options.get("bucket"):
            raise InvalidInput(
                f"storage gcs:{name} has no bucket", hint=f"set storage.gcs.{name}.bucket"
            )
        conduct = Conduct(
            **{key: options[key] for key in Conduct._fields if options.get(key) is not None}
        )
        service = GcsBucket(
            options["bucket"],
            AccountTokens(options.get("credentials", "")),
            conduct,
            endpoint=options.get("endpoint", ""),
        )
        return cls(
            service,
            settings={name: options.get(name, "") for name in _OBJECT},
            owner=f"{root.stat().st_dev}:{root.stat().st_ino}",
            prefix=options.get("prefix", ""),
            public_url=options.get("public_url", ""),
        )

    def condition(self, only_if: str) -> dict[str, str]:
        return {"x-goog-if-generation-match": only_if or "0"}

    def tag(self, answer: WireAnswer) -> str:
        return answer.headers["x-goog-generation"]

    def dressed(self, headers: Headers) -> dict[str, str]:
        return {
            "content-type": headers.content_type,
            "cache-control": headers.cache_control,
            **self._always,
        }

    def page(self, prefix: str, start: str) -> NamesPage:
        query = {"list-type": "2", "encoding-type": "url", "prefix": prefix}
        if start:
            query["continuation-token"] = start
        answer = documents.read(self.service.ask("list objects", "GET", "", query=query).body)
        decode = documents.decoding(answer)
        keys = [decode(found["Key"]) for found in documents.rows(answer, "Contents")]
        return NamesPage(keys, documents.text(answer, "NextContinuationToken"))
