"""Trees: read a published archive in its storage or over HTTP."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, Protocol

from debrepo.errors import InvalidInput, NotFound, RemoteError
from debrepo.stopping import checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from http.client import HTTPResponse

    from debrepo.storage import Storage
    from debrepo_publish.model.publication import Publication

_TIMEOUT = 60  # seconds for a server to answer
_CONNECTIONS = 8
_PIECE = 1 << 20


class Tree(Protocol):
    """The files below a prefix; paths are those that clients append to its URL."""

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, or ``None`` where there is none."""

    def checksums(self, paths: Iterable[str]) -> Iterator[tuple[str, str, int | None]]:
        """Yield each path with the SHA-256 of the file, or with nothing where there is none.

        The size comes with it where it need not be asked for.
        """

    def sizes(self, paths: Iterable[str]) -> Iterator[tuple[str, int | None]]:
        """Yield each path with the size of the file in bytes, or ``None``."""

    def headers(self, path: str) -> Mapping[str, str]:
        """Return the headers of a file, by names in lower case."""


class StoredTree:
    """An archive in the storage that it was published to."""

    def __init__(self, storage: Storage, publication: Publication) -> None:
        self._storage = storage
        self._publication = publication
        #: Of the files whose size was read, if the storage has versions.
        self.versions: dict[str, str] = {}

    def read(self, path: str) -> bytes | None:
        try:
            return self._storage.get(self._publication.path(path))
        except NotFound:
            return None

    def checksums(self, paths: Iterable[str]) -> Iterator[tuple[str, str, int | None]]:
        start = len(self._publication.path(""))
        for path, sha256 in self._storage.sha256_all(map(self._publication.path, paths)):
            yield path[start:], sha256, None

    def sizes(self, paths: Iterable[str]) -> Iterator[tuple[str, int | None]]:
        start = len(self._publication.path(""))
        for path, found in self._storage.stat_all(map(self._publication.path, paths)):
            if found and found.version:
                self.versions[path[start:]] = found.version
            yield path[start:], found.size if found else None

    def headers(self, path: str) -> Mapping[str, str]:
        return {}


class _Answer(NamedTuple):
    headers: dict[str, str]
    body: bytes
    sha256: str
    size: int


class ServedTree:
    """An archive as clients get it, at the URL that they have in their sources."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidInput(f"not an http or https URL: {url}")
        self._url = url.rstrip("/")

    def read(self, path: str) -> bytes | None:
        answer = self._ask("GET", path)
        return answer.body if answer else None

    def checksums(self, paths: Iterable[str]) -> Iterator[tuple[str, str, int | None]]:
        with ThreadPoolExecutor(_CONNECTIONS) as workers:
            yield from workers.map(self._checksum, paths)

    def sizes(self, paths: Iterable[str]) -> Iterator[tuple[str, int | None]]:
        with ThreadPoolExecutor(_CONNECTIONS) as workers:
            yield from workers.map(self._size, paths)

    def headers(self, path: str) -> Mapping[str, str]:
        answer = self._ask("HEAD", path)
        return answer.headers if answer else {}

    def _checksum(self, path: str) -> tuple[str, str, int | None]:
        answer = self._ask("GET", path, keep=False)
        return (path, answer.sha256, answer.size) if answer else (path, "", None)

    def _size(self, path: str) -> tuple[str, int | None]:
        answer = self._ask("HEAD", path)
        if answer is None:
            return path, None
        length = answer.headers.get("content-length", "")
        if not length.isdecimal():
            raise RemoteError(f"{self._url}/{path}: the server does not say how long it is")
        return path, int(length)

    def _ask(self, method: str, path: str, *, keep: bool = True) -> _Answer | None:
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.parse import quote
        from urllib.request import Request, urlopen

        url = f"{self._url}/{quote(path, safe='/+~')}"
        request = Request(url, method=method)  # noqa: S310  # the scheme has been looked at
        try:
            with urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310
                headers = {name.lower(): value for name, value in response.headers.items()}
                return _Answer(headers, *_received(response, keep=keep))
        except HTTPError as error:
            error.close()
            if error.code in (404, 410):
                return None
            raise RemoteError(f"{url}: {error.code} {error.reason}") from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise RemoteError(f"{url}: {reason}") from None


def _received(response: HTTPResponse, *, keep: bool) -> tuple[bytes, str, int]:
    """Return the body, if it is to be kept, its SHA-256 and its size."""
    from http.client import IncompleteRead

    kept: list[bytes] = []
    size = 0
    digest = hashlib.sha256()
    while piece := response.read(_PIECE):
        checkpoint()
        digest.update(piece)
        size += len(piece)
        if keep:
            kept.append(piece)
    if response.length:  # only reading all at once raises this by itself
        raise IncompleteRead(b"", response.length)
    return b"".join(kept), digest.hexdigest(), size
