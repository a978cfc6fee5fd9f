"""Object stores over HTTP: a storage from a service and what its dialect differs in."""

from __future__ import annotations

import base64
import hashlib
from abc import abstractmethod
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from debrepo.object_storage import CACHE_CONTROL, Headers, Object, ObjectStorage, side_by_side
from debrepo.storage import PoolLink, Stat, check_path, content_type
from debrepo.wire import ranges
from debrepo.wire.refusals import age, date
from debrepo.wire.slices import Slice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from debrepo.wire.transfer import WireAnswer
    from debrepo.wire.web_service import WebService

_FORBIDDEN = (404, 409, 412)  # how services say that a condition does not hold
_SMALL = 1 << 18  # bytes; larger files are not read at once
_CHUNK = 1 << 20


class NamesPage(NamedTuple):
    """A part of a listing."""

    keys: list[str]
    more: str = ""  #: what the next part starts with; empty: there is none


class ServiceStorage(ObjectStorage):
    """A storage on a `WebService`. A back end says how its dialect differs from the others.

    Every write has its MD5 with it, which all such services verify, and returns the tag of what
    was stored, so that files have versions.
    """

    def __init__(
        self, service: WebService, *, owner: str = "", prefix: str = "", public_url: str = ""
    ) -> None:
        super().__init__(owner)
        self.service = service
        self._start = f"{prefix.strip('/')}/".lstrip("/")
        self._public_url = public_url.rstrip("/")

    @property
    def has_versions(self) -> bool:
        return True

    @abstractmethod
    def condition(self, only_if: str) -> dict[str, str]:
        """Return the headers of a write that needs this tag to be there; empty: no object."""

    @abstractmethod
    def tag(self, answer: WireAnswer) -> str:
        """Return the tag of the object that an answer is about."""

    @abstractmethod
    def dressed(self, headers: Headers) -> dict[str, str]:
        """Return the headers that store what is to be served with an object."""

    @abstractmethod
    def page(self, prefix: str, start: str) -> NamesPage:
        """Return the keys that start with ``prefix``, sorted, from where the last page ended."""

    def write(
        self, path: str, body: bytes | Path, headers: Headers, *, only_if: str | None = None
    ) -> bool | str:
        wanted = self.dressed(headers)
        if only_if is not None:
            wanted |= self.condition(only_if)
        key = self._start + path
        if isinstance(body, bytes):
            return self.send(key, body, wanted, conditional=only_if is not None)
        with Slice(body, 0, body.stat().st_size) as file:
            return self.send(key, file, wanted, conditional=only_if is not None)

    def send(
        self, key: str, body: bytes | Slice, headers: dict[str, str], *, conditional: bool
    ) -> bool | str:
        """Store an object in one request; override for what is too large for that."""
        answer = self.service.ask(
            "put object",
            "PUT",
            key,
            headers=headers | {"content-md5": md5(body)},
            body=body,
            allowed=_FORBIDDEN if conditional else (),
        )
        return False if answer.status in _FORBIDDEN else self.tag(answer)

    def read(self, path: str) -> Object | None:
        answer = self.service.ask("get object", "GET", self._start + path, allowed=(404,))
        if answer.status == 404:
            return None
        written = date(answer.headers["last-modified"])
        return Object(answer.body, self.tag(answer), age(answer, written))

    def pieces(self, path: str) -> Iterator[bytes]:
        return ranges.read(self.service, self._start + check_path(path))

    def remove(self, path: str) -> None:
        self.service.ask("delete object", "DELETE", self._start + path, allowed=(404,))

    def delete(self, paths: Iterable[str]) -> None:
        source = iter(dict.fromkeys(map(check_path, paths)))
        nothing: dict[str, str] = {}
        requests = ((path, self._start + path, nothing, None) for path in source)
        rest = [
            path
            for path, answer in self.service.ask_all("delete object", "DELETE", requests)
            if answer is None or answer.status >= 300
        ]
        side_by_side(self.remove, chain(rest, source), self.service.conduct.connections)

    def link_all(self, files: Iterable[PoolLink]) -> dict[str, str]:
        """Upload small files as fast as can be; then, with care, what that was not enough for."""
        source, rest, made = iter(files), list[PoolLink](), dict[str, str]()
        small = self._small(source, rest)
        for file, answer in self.service.ask_all("put object", "PUT", small):
            if answer is not None and answer.status < 300:
                made[file.path] = self.tag(answer)
            else:
                rest.append(file)
        return made | super().link_all(chain(rest, source))

    def stat(self, path: str) -> Stat | None:
        key = self._start + check_path(path)
        answer = self.service.ask("head object", "HEAD", key, allowed=(404,))
        if answer.status == 404:
            return None
        return Stat(int(answer.headers.get("content-length", 0)), self.tag(answer))

    def size(self, path: str) -> int | None:
        found = self.stat(path)
        return None if found is None else found.size

    def names(self, prefix: str) -> Iterator[str]:
        page = NamesPage([], "")
        while True:
            page = self.page(self._start + prefix, page.more)
            for key in page.keys:
                yield key.removeprefix(self._start)
            if not page.more:
                return

    def statistics(self) -> Mapping[str, int]:
        return self.service.statistics()

    def url(self, path: str = "") -> str:
        return f"{self._public_url}/{quote(path, safe='/~')}" if self._public_url else ""

    def close(self) -> None:
        self.service.close()

    def _small(
        self, files: Iterator[PoolLink], others: list[PoolLink]
    ) -> Iterator[tuple[PoolLink, str, dict[str, str], bytes]]:
        """Yield requests for small files; append the others."""
        for file in files:
            path = check_path(file.path)
            data = _content(file) if file.size <= _SMALL else None
            if data is None:
                others.append(file)
                continue
            headers = self.dressed(Headers(content_type(path), CACHE_CONTROL["immutable"]))
            headers |= self.condition("") | {"content-md5": md5(data)}
            yield file, self._start + path, headers, data


def md5(body: bytes | Slice) -> str:
    """Return the MD5 of a body as its header has it."""
    digest = hashlib.md5(usedforsecurity=False)
    if isinstance(body, bytes):
        digest.update(body)
    else:
        body.seek(0)
        while chunk := body.read(_CHUNK):
            digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()


def _content(file: PoolLink) -> bytes | None:
    """Return a file that has the size it should have; nothing: let `link` say what is wrong."""
    try:
        data = file.source.read_bytes()
    except OSError:
        return None
    return data if len(data) == file.size else None
