"""The database of aptly in an etcd: read over its JSON gateway, all at one revision."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from debrepo.errors import InvalidInput, RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 60  # seconds for an answer
_PAGE = 500  # records of an answer
_LONGEST = 256 << 20  # bytes of an answer


class EtcdRecords:
    """The records of an etcd as they were when it was first asked."""

    def __init__(self, url: str) -> None:
        self._url = url if "://" in url else f"http://{url}"
        if not self._url.startswith(("http://", "https://")):
            raise InvalidInput(f"not the URL of an etcd: {url[:80]!r}")
        self._open = build_opener(ProxyHandler({})).open
        self._revision = 0

    def get(self, key: bytes) -> bytes | None:
        found = self._ask(key, b"", 1)
        return found[0][1] if found else None

    def below(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        start, end = prefix, prefix[:-1] + bytes([prefix[-1] + 1])
        while found := self._ask(start, end, _PAGE):
            yield from found
            start = found[-1][0] + b"\0"

    def _ask(self, start: bytes, end: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        wanted = {"key": b64encode(start).decode(), "limit": limit, "revision": self._revision}
        if end:
            wanted["range_end"] = b64encode(end).decode()
        request = Request(  # noqa: S310  # its scheme was checked
            f"{self._url.rstrip('/')}/v3/kv/range",
            json.dumps(wanted).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with self._open(request, timeout=_PATIENCE) as answer:
                data = answer.read(_LONGEST + 1)
            if len(data) > _LONGEST:
                raise RemoteError(f"the etcd at {self._url} sends more than {_LONGEST} bytes")
            document: dict[str, Any] = json.loads(data)
            self._revision = self._revision or int(document["header"]["revision"])
            return [
                (b64decode(one["key"]), b64decode(one.get("value", "")))
                for one in document.get("kvs", ())
            ]
        except (OSError, URLError) as error:
            raise RemoteError(f"the etcd at {self._url} does not answer: {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RemoteError(f"{self._url} does not answer as an etcd: {error!r:.80}") from None
