"""A generic repository of JFrog Artifactory as a publish storage."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlsplit

from debrepo.errors import Conflict, InvalidInput, NotFound, RemoteError
from debrepo.object_storage import checksums, side_by_side
from debrepo.storage import PoolLink, Stat, Storage, check_path
from debrepo.wire import ranges
from debrepo.wire.slices import Slice
from debrepo.wire.web_service import Conduct
from debrepo_publish_artifactory.server import API, Access, ArtifactoryServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from debrepo.storage import Cache
    from debrepo.wire.transfer import WireAnswer

_KNOWN_HERE = 1 << 20  # bytes; larger files are offered by checksum before they are sent
_SHA256 = "x-checksum-sha256"


class ArtifactoryStorage(Storage):
    """The files of a repository, or those below a path.

    The server verifies the checksums that come with a file. It knows no conditions: nothing keeps
    two publishers apart but that a commit looks at what is there.
    """

    def __init__(
        self, server: ArtifactoryServer, *, prefix: str = "", public_url: str = ""
    ) -> None:
        self._server = server
        self._start = f"{prefix.strip('/')}/".lstrip("/")
        self._public_url = public_url.rstrip("/")

    @classmethod
    def open(cls, name: str, options: Mapping[str, Any], root: Path) -> Self:
        setting = f"storage.artifactory.{name}"
        access = Access(
            **{key: options[key] for key in Access._fields if options.get(key)}
            | {key: options.get(key, "") for key in ("url", "repository")}
        )
        if not urlsplit(access.url).hostname or not access.repository:
            raise InvalidInput(
                f"storage artifactory:{name} has no url, or no repository",
                hint=f"set {setting}.url and {setting}.repository",
            )
        conduct = Conduct(
            **{key: options[key] for key in Conduct._fields if options.get(key) is not None}
        )
        return cls(
            ArtifactoryServer(access, conduct),
            prefix=options.get("prefix", ""),
            public_url=options.get("public_url", ""),
        )

    def put(self, path: str, data: bytes, *, cache: Cache = "volatile") -> None:
        self._send(check_path(path), data, hashlib.sha256(data).hexdigest())

    def put_all(self, files: Mapping[str, bytes], *, cache: Cache) -> dict[str, str]:
        side_by_side(lambda file: self.put(*file, cache=cache), files.items(), self._connections)
        return {}

    def get(self, path: str) -> bytes:
        answer = self._ask("get file", "GET", check_path(path))
        if answer is None:
            raise NotFound(f"no file called {path}")
        return answer.body

    def pieces(self, path: str) -> Iterator[bytes]:
        return ranges.read(self._server, self._start + check_path(path))

    def sha256(self, path: str) -> str:
        """Return what the server knows, which has verified it."""
        answer = self._ask("head file", "HEAD", check_path(path))
        if answer is None:
            raise NotFound(f"no file called {path}")
        return answer.headers[_SHA256]

    def sha256_all(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        return checksums(self, paths, self._connections)

    def link(self, file: PoolLink) -> None:
        """Upload the file unless it is there; a large one that the server has moves no bytes."""
        path = check_path(file.path)
        try:
            size = file.source.stat().st_size
        except OSError as error:
            raise NotFound(f"cannot publish {path}: {file.source}: {error.strerror}") from None
        if size != file.size:
            raise InvalidInput(f"{file.source} has {size} bytes instead of {file.size}")
        found = self.stat(path)
        if found is not None and found.size != size:
            raise Conflict(
                f"{path} is served with other content ({found.size} bytes, not {size})",
                hint="delete it if it is not needed",
            )
        if found is not None or (size >= _KNOWN_HERE and self._offer(path, file.sha256)):
            return
        with Slice(file.source, 0, size) as body:
            self._send(path, body, file.sha256)

    def link_all(self, files: Iterable[PoolLink]) -> dict[str, str]:
        side_by_side(self.link, files, self._connections)
        return {}

    def delete(self, paths: Iterable[str]) -> None:
        wanted = dict.fromkeys(map(check_path, paths))
        side_by_side(
            lambda path: self._ask("delete file", "DELETE", path), wanted, self._connections
        )

    def stat(self, path: str) -> Stat | None:
        answer = self._ask("head file", "HEAD", check_path(path))
        if answer is None or _SHA256 not in answer.headers:  # a directory has none
            return None
        return Stat(int(answer.headers.get("content-length", 0)))

    def list(self, prefix: str = "") -> Iterator[str]:
        place = self._start + (check_path(prefix) if prefix else "")
        answer = self._server.ask(
            "list files", "GET", f"{API}{place.rstrip('/')}", query={"list": "", "deep": "1"},
            allowed=(404,),
        )  # fmt: skip
        if answer.status == 404:
            return
        try:
            found = [row["uri"] for row in json.loads(answer.body)["files"]]
        except (ValueError, LookupError, TypeError) as error:
            raise RemoteError(f"Artifactory lists no files: {error!r}") from error
        yield from sorted(f"{prefix}{uri}".lstrip("/") for uri in found)

    def statistics(self) -> Mapping[str, int]:
        return self._server.statistics()

    def url(self, path: str = "") -> str:
        return f"{self._public_url}/{quote(path, safe='/~')}" if self._public_url else ""

    def close(self) -> None:
        self._server.close()

    @property
    def _connections(self) -> int:
        return self._server.conduct.connections

    def _ask(self, what: str, method: str, path: str) -> WireAnswer | None:
        answer = self._server.ask(what, method, self._start + path, allowed=(404,))
        return None if answer.status == 404 else answer

    def _send(self, path: str, body: bytes | Slice, sha256: str) -> None:
        headers = {_SHA256: sha256} if sha256 else {}
        self._server.ask("put file", "PUT", self._start + path, headers=headers, body=body)

    def _offer(self, path: str, sha256: str) -> bool:
        """Tell the server a checksum, and return whether it has a file with it already."""
        if not sha256:
            return False
        headers = {"x-checksum-deploy": "true", _SHA256: sha256}
        answer = self._server.ask(
            "offer file", "PUT", self._start + path, headers=headers, body=b"", allowed=(404,)
        )
        return answer.status < 300
