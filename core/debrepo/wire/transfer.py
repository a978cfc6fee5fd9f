"""Requests over connections that are kept, by libcurl."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pycurl

from debrepo.wire.exchanges import Exchanges
from debrepo.wire.slices import Slice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debrepo.wire.lanes import Lanes

T = TypeVar("T")

_SYSTEM_CA = Path("/etc/ssl/certs/ca-certificates.crt")  # libcurl from PyPI was built elsewhere
_FIELD = re.compile(r"\n([^:\r\n]+):[ \t]*([^\r\n]*[^ \t\r\n])")
_WAITS_FOR_CONTINUE = 1 << 20  # bytes; to wait for leave takes as long as to send fewer
_SHARE = 16
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.005  # seconds
#: Of libcurl's errors those that say that this machine and the service do not trust each other.
_UNTRUSTED = frozenset(
    {
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_ISSUER_ERROR,
    }
)
#: Those that no further try will change: the URL, the protocol, what libcurl was built with.
_HOPELESS = frozenset(
    {pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_URL_MALFORMAT, pycurl.E_BAD_FUNCTION_ARGUMENT}
)


class WireAnswer(NamedTuple):
    """What a service answered; the names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class NoAnswer(Exception):
    """The service was not reached, or the answer did not arrive whole; it may the next time."""


class Unusable(Exception):
    """No try will help: the URL is none, or nothing can be sent there."""


class Untrusted(Exception):
    """The certificate of the service is not trusted."""


class Wire:
    """Connections to services; many threads may use it, each has one at a time."""

    def __init__(self, *, timeout: float, ca_file: str = "", direct: bool = False) -> None:
        """Make it; with ``direct``, it uses no proxy, whatever the environment says."""
        self._timeout = timeout
        self._direct = direct
        self._ca_file = ca_file or (str(_SYSTEM_CA) if _SYSTEM_CA.exists() else "")
        self._idle: list[_Handle] = []  # the last that was used comes first: it is still connected
        self._changing = threading.Lock()

    def send(
        self, method: str, url: str, fields: Sequence[str], body: bytes | Slice | None = None
    ) -> WireAnswer:
        """Send a request, and return what was answered; ``fields`` are its header lines."""
        handle = self._take()
        try:
            return handle.send(method, url, fields, body)
        finally:
            self._give_back(handle)

    def send_all(
        self, requests: Iterator[tuple[T, str, str, Sequence[str], bytes | None]], most: Lanes
    ) -> Iterator[tuple[T, WireAnswer | None]]:
        """Send requests, as many at once as there are lanes, all from this thread.

        Each has something of the caller's that comes back with its answer, in any order; ``None``:
        there is no answer. The next request is made when there is a connection for it.
        """
        exchanges: Exchanges[tuple[T, _Handle]] = Exchanges()
        over, took = False, 0.0  # seconds that answers take, by the latest
        try:
            while True:
                while not over and len(exchanges) < most.limit:
                    request = next(requests, None)
                    if request is None:
                        over = True
                        break
                    handle = self._take()
                    handle.begin(*request[1:])
                    exchanges.add((request[0], handle), handle.multi, handle.curl)
                if not len(exchanges):
                    return
                for (item, handle), seconds, whole in exchanges.turn(_pause(took)):
                    took += (seconds - took) / _SHARE
                    answer = handle.end() if whole else None
                    self._give_back(handle)
                    yield item, answer
        finally:
            for _, handle in exchanges.close():
                handle.close()

    def _take(self) -> _Handle:
        with self._changing:
            if self._idle:
                return self._idle.pop()
        return _Handle(self._timeout, self._ca_file, direct=self._direct)

    def _give_back(self, handle: _Handle) -> None:
        with self._changing:
            self._idle.append(handle)

    def close(self) -> None:
        """Close the connections; the next request opens one again."""
        with self._changing:
            idle, self._idle = self._idle, []
        for handle in idle:
            handle.close()


class _Handle:
    """What libcurl keeps for one request after another."""

    def __init__(self, timeout: float, ca_file: str, *, direct: bool) -> None:
        self._direct = direct
        self.curl: Any = pycurl.Curl()
        self.multi: Any = pycurl.CurlMulti()
        self._timeout = timeout
        self._ca_file = ca_file
        self._lines: list[bytes] = []
        self._chunks: list[bytes] = []
        self._set_up()

    def send(
        self, method: str, url: str, fields: Sequence[str], body: bytes | Slice | None
    ) -> WireAnswer:
        self.begin(method, url, fields, body)
        try:
            self.curl.perform()
        except pycurl.error as error:
            raise self._failure(*error.args) from None
        finally:
            if isinstance(body, Slice):  # nothing else undoes all of an upload
                self.curl.reset()
                self._set_up()
        return self.end()

    def begin(
        self, method: str, url: str, fields: Sequence[str], body: bytes | Slice | None
    ) -> None:
        """Set up the next request."""
        curl = self.curl
        self._lines.clear()
        self._chunks.clear()
        size = 0 if body is None else len(body)
        curl.setopt(pycurl.URL, url)
        welcome = "Expect: 100-continue" if size >= _WAITS_FOR_CONTINUE else "Expect:"
        curl.setopt(pycurl.HTTPHEADER, [*fields, welcome])
        if isinstance(body, Slice):
            curl.setopt(pycurl.UPLOAD, 1)
            curl.setopt(pycurl.INFILESIZE_LARGE, size)
            curl.setopt(pycurl.READFUNCTION, body.read)
            curl.setopt(pycurl.SEEKFUNCTION, _seek(body))
        elif body is not None:
            curl.setopt(pycurl.POST, 1)
            curl.setopt(pycurl.POSTFIELDSIZE_LARGE, size)
            curl.setopt(pycurl.POSTFIELDS, body)
        elif method == "HEAD":
            curl.setopt(pycurl.NOBODY, 1)
        else:
            curl.setopt(pycurl.HTTPGET, 1)
        curl.setopt(pycurl.CUSTOMREQUEST, method)

    def end(self) -> WireAnswer:
        """Return what was received."""
        status, headers = _headers(b"".join(self._lines))
        return WireAnswer(status, headers, b"".join(self._chunks))

    def close(self) -> None:
        """Close its connections."""
        self.curl.close()
        self.multi.close()

    def _set_up(self) -> None:
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.PATH_AS_IS, 1),  # names of objects are no directories
            (pycurl.CONNECTTIMEOUT_MS, int(min(self._timeout, 20) * 1000)),
            (pycurl.LOW_SPEED_LIMIT, 1),
            (pycurl.LOW_SPEED_TIME, max(1, int(self._timeout))),
            (pycurl.TCP_KEEPALIVE, 1),
            (pycurl.USERAGENT, "debrepo"),
            (pycurl.HEADERFUNCTION, self._lines.append),
            (pycurl.WRITEFUNCTION, self._chunks.append),
        ):
            self.curl.setopt(option, value)
        if self._direct:
            self.curl.setopt(pycurl.PROXY, "")
        if self._ca_file:
            self.curl.setopt(pycurl.CAINFO, self._ca_file)

    def _failure(self, number: int, text: str = "") -> Exception:
        if number == pycurl.E_SSL_CACERT_BADFILE and not text:  # libcurl 7 has no words for it
            text = f"cannot use the certificates in {self._ca_file}"
        text = text or f"libcurl error {number}"
        if number in _UNTRUSTED:
            return Untrusted(text)
        return Unusable(text) if number in _HOPELESS else NoAnswer(text)


def _pause(took: float) -> float:
    """Return how long to wait for more answers, which take ``took`` seconds each."""
    pause = took / _SHARE
    return min(pause, _LONGEST_PAUSE) if pause > _SHORTEST_PAUSE else 0.0


def _seek(body: Slice) -> Any:
    def seek(offset: int, whence: int) -> int:
        body.seek(offset, whence)
        return int(pycurl.SEEKFUNC_OK)

    return seek


def _headers(lines: bytes) -> tuple[int, dict[str, str]]:
    """Return the status of the last answer, as "100 Continue" comes before, and its headers."""
    text = lines.decode("latin-1")
    start = text.rfind("HTTP/1.")
    number = text[start + 9 : start + 12]
    fields = _FIELD.findall(text, start)
    status = int(number) if number.isdigit() else 0
    return status, {name.lower(): value for name, value in fields}
