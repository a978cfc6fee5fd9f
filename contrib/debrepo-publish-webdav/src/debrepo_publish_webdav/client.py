"""A WebDAV client: connections that are kept, requests that are tried again."""

from __future__ import annotations

import base64
import io
import queue
import random
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from urllib.parse import quote, urlsplit

from debrepo.errors import InvalidInput, RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from http.client import HTTPMessage

_ATTEMPTS = 6
_AGAIN = {429, 500, 502, 503, 504}
_LONGEST_PAUSE = 30.0


class Response(NamedTuple):
    """An answer, read to its end; ``retried`` where an earlier one may have got lost."""

    status: int
    headers: HTTPMessage
    body: bytes
    retried: bool


class Client:
    """Requests to one server, below one URL; many threads may share it."""

    def __init__(
        self,
        url: str,
        *,
        user: str = "",
        password: str = "",
        timeout: float = 60,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise InvalidInput(f"not the URL of a WebDAV directory: {url!r}")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._timeout = timeout
        self._origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self.base = quote(parts.path.rstrip("/") + "/", safe="/%~")
        self.pause = pause
        self._headers = {"User-Agent": "debrepo-publish-webdav"}
        if user:
            login = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {login}"
        self._idle: queue.SimpleQueue[HTTPConnection] = queue.SimpleQueue()

    def url(self, path: str) -> str:
        """Return the whole URL of ``path``, as the headers of WebDAV want it."""
        return self._origin + self.base + quote(path, safe="/~")

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | BinaryIO = b"",
        accept: frozenset[int] = frozenset(),
    ) -> Response:
        """Return the answer if it is a success or its status is in ``accept``, else raise.

        A reset, a timeout or a status that passes is waited out; `RemoteError` says which
        one did not, and `InvalidInput` that the server wants another user or password.
        """
        retried = False
        for attempt in range(_ATTEMPTS):
            try:
                response = self._attempt(method, path, headers or {}, body, retried=retried)
            except (OSError, HTTPException) as error:
                failure: str | Exception = error
            else:
                if response.status // 100 == 2 or response.status in accept:
                    return response
                if response.status not in _AGAIN:
                    raise self._refused(method, path, response)
                failure = f"status {response.status}"
            retried = True
            if attempt + 1 < _ATTEMPTS:
                self.pause(min(0.2 * 2**attempt * random.uniform(1, 1.5), _LONGEST_PAUSE))  # noqa: S311
        raise RemoteError(
            f"{method} {self.url(path)} failed {_ATTEMPTS} times: {failure}",
            hint="is the server up? what was published before is still served",
        )

    def _attempt(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | BinaryIO,
        *,
        retried: bool,
    ) -> Response:
        try:
            connection = self._idle.get_nowait() if not retried else self._connect()
        except queue.Empty:
            connection = self._connect()
        stream = io.BytesIO(body) if isinstance(body, bytes) else body
        length = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        every = {**self._headers, **headers, "Content-Length": str(length)}
        try:
            connection.request(method, self.base + quote(path, safe="/~"), stream, every)
            with connection.getresponse() as answer:
                response = Response(answer.status, answer.headers, answer.read(), retried)
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)  # http.client opens it again if the server has closed it
        return response

    def _connect(self) -> HTTPConnection:
        kind = HTTPSConnection if self._secure else HTTPConnection
        return kind(self._host, self._port, timeout=self._timeout, blocksize=1 << 18)

    def _refused(self, method: str, path: str, response: Response) -> Exception:
        what = f"the server answers {method} {self.url(path)} with status {response.status}"
        match response.status:
            case 401 | 403:
                return InvalidInput(what, hint="are user and password_file right, and allowed?")
            case 405 | 501:
                return RemoteError(what, hint="is WebDAV switched on for that directory?")
            case 413:
                return RemoteError(what, hint="raise the server's limit for uploads")
            case 507:
                return RemoteError(what, hint="the server has no space left")
        return RemoteError(what)

    def close(self) -> None:
        """Close the connections that are kept."""
        while not self._idle.empty():
            self._idle.get_nowait().close()
