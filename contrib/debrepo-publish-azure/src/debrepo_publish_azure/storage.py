"""A container of Azure Blob Storage as a publish storage."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import ContainerClient, ContentSettings, ExponentialRetry

from debrepo.errors import InvalidInput, NotFound, RemoteError
from debrepo.object_storage import Headers, Object, ObjectStorage
from debrepo.storage import check_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BLOCK = 16 << 20  # bytes; larger files travel in blocks of this size


class AzureStorage(ObjectStorage):
    """The blobs of a container, or those below a prefix."""

    def __init__(
        self,
        url: str,
        container: str,
        *,
        credential: dict[str, str] | str | None,
        prefix: str = "",
        public_url: str = "",
        owner: str = "",
        attempts: int = 6,
        timeout: int = 60,
        pause: int = 1,
    ) -> None:
        super().__init__(owner)
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._start = f"{prefix.strip('/')}/".lstrip("/")
        self._public_url = public_url.rstrip("/")
        retry = ExponentialRetry(
            pause, 3 if pause else 0, attempts - 1, random_jitter_range=min(pause, 3)
        )
        self._container = ContainerClient(
            url,
            container,
            credential=credential,
            retry_policy=retry,
            connection_timeout=timeout,
            read_timeout=timeout,
            max_block_size=_BLOCK,
            max_single_put_size=_BLOCK,
            max_single_get_size=_BLOCK,
            max_chunk_get_size=_BLOCK,
            raw_request_hook=self._count,
        )

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
        signed = {"account_name": account, "account_key": key} if account and key else None
        try:
            return cls(
                url,
                options["container"],
                credential=signed or options.get("sas_token") or None,
                prefix=options.get("prefix", ""),
                public_url=options.get("public_url", ""),
                owner=f"{root.stat().st_dev}:{root.stat().st_ino}",
                attempts=options.get("attempts", 6),
                timeout=options.get("timeout", 60),
            )
        except ValueError as error:
            raise InvalidInput(f"cannot use the storage azure:{name}: {error}") from error

    def write(
        self, path: str, body: bytes | Path, headers: Headers, *, only_if: str | None = None
    ) -> bool:
        condition: dict[str, Any] = {"overwrite": only_if != ""}
        if only_if:
            condition |= {"etag": only_if, "match_condition": MatchConditions.IfNotModified}
        settings = ContentSettings(headers.content_type, cache_control=headers.cache_control)
        blob = self._container.get_blob_client(self._start + path)
        try:
            with self._translated(path):
                if isinstance(body, bytes):
                    self._upload(blob, body, len(body), settings, condition)
                else:
                    with body.open("rb") as file:
                        self._upload(blob, file, body.stat().st_size, settings, condition)
        except (ResourceExistsError, ResourceModifiedError):
            return False
        except ResourceNotFoundError as error:
            if only_if and _code(error) == "BlobNotFound":
                return False
            raise self._missing(error) from error
        return True

    def read(self, path: str) -> Object | None:
        now = [datetime.now(UTC)]

        def ask_the_time(response: Any) -> None:
            said = response.http_response.headers.get("Date")
            if said:
                now[0] = parsedate_to_datetime(said).replace(tzinfo=UTC)

        try:
            with self._translated(path):
                stream = self._container.download_blob(
                    self._start + path, raw_response_hook=ask_the_time
                )
                data = stream.readall()
        except ResourceNotFoundError as error:
            self._check_container(error)
            return None
        with self._counting:
            self._counts["bytes received"] += len(data)
        age = (now[0] - stream.properties.last_modified).total_seconds()
        return Object(data, stream.properties.etag, age)

    def pieces(self, path: str) -> Iterator[bytes]:
        """Yield a blob in blocks; one that fits into a block takes one request."""
        try:
            with self._translated(check_path(path)):
                for piece in self._container.download_blob(self._start + path).chunks():
                    with self._counting:
                        self._counts["bytes received"] += len(piece)
                    yield piece
        except ResourceNotFoundError as error:
            self._check_container(error)
            raise NotFound(f"no object called {path}") from None

    def remove(self, path: str) -> None:
        try:
            with self._translated(path):
                self._container.delete_blob(self._start + path)
        except ResourceNotFoundError as error:
            self._check_container(error)

    def names(self, prefix: str) -> Iterator[str]:
        try:
            with self._translated(prefix):
                for name in self._container.list_blob_names(name_starts_with=self._start + prefix):
                    yield name.removeprefix(self._start)
        except ResourceNotFoundError as error:
            raise self._missing(error) from error

    def size(self, path: str) -> int | None:
        try:
            with self._translated(path):
                blob = self._container.get_blob_client(self._start + path)
                return int(blob.get_blob_properties().size)
        except ResourceNotFoundError as error:
            self._check_container(error)
            return None

    def statistics(self) -> Mapping[str, int]:
        with self._counting:
            return dict(sorted(self._counts.items()))

    def url(self, path: str = "") -> str:
        return f"{self._public_url}/{quote(path, safe='/~')}" if self._public_url else ""

    def close(self) -> None:
        self._container.close()

    def _upload(
        self, blob: Any, body: Any, size: int, settings: Any, condition: dict[str, Any]
    ) -> None:
        with self._counting:
            self._counts["bytes sent"] += size
        blob.upload_blob(
            body, length=size, content_settings=settings, validate_content=True, **condition
        )

    def _count(self, request: Any) -> None:
        with self._counting:
            self._counts[request.http_request.method] += 1

    def _check_container(self, error: ResourceNotFoundError) -> None:
        """Raise if it is not a blob that is not there, but the container."""
        if _code(error) == "ContainerNotFound":
            raise self._missing(error) from error

    def _missing(self, error: HttpResponseError) -> InvalidInput:
        return InvalidInput(
            f"cannot use the container {self._container.container_name}: {error.reason}",
            hint="create it, or set container and account to one that exists",
        )

    @contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        """Let pass what says that something is there, or is not; explain the rest."""
        where = f"{self._container.container_name}/{self._start}{path}"
        try:
            yield
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
            raise
        except AzureError as error:
            if getattr(error, "status_code", None) in (401, 403):
                raise InvalidInput(
                    f"Azure refuses {where}: {_code(error)}",
                    hint="are account_name and account_key, or sas_token, right?",
                ) from error
            raise RemoteError(
                f"{where} failed, as often as it was tried: {str(error.message).splitlines()[0]}",
                hint="is the service up? what was published before is still served",
            ) from error


def _code(error: AzureError) -> str:
    return str(getattr(error, "error_code", ""))
