"""A WebDAV server as a publish storage."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self
from urllib.parse import unquote

from debrepo.errors import Conflict, InvalidInput, NotFound, RemoteError
from debrepo.object_storage import checksums, side_by_side
from debrepo.storage import Cache, PoolLink, Stat, Storage, check_path, content_type
from debrepo_publish_webdav import multistatus
from debrepo_publish_webdav.client import Client
from debrepo_publish_webdav.locks import NAME, HeldLock, hold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PARTIAL = "~debrepo-partial-"  # not with a dot: nginx does not list hidden files
_OURS = (_PARTIAL, NAME)
_ABANDONED = timedelta(days=1)
_PIECE = 8 << 20  # bytes of a file that are in memory at a time


class WebDavStorage(Storage):
    """A collection on a WebDAV server."""

    def __init__(self, client: Client, *, connections: int = 4, owner: str = "") -> None:
        """Open it for ``owner``, of whom only one publishes at a time: a root of a machine."""
        self._client = client
        self._connections = connections
        self._owner = owner or os.urandom(8).hex()
        self._held: dict[tuple[int, str], HeldLock] = {}
        self._collections = {""}  # that are there

    @classmethod
    def open(cls, name: str, options: Mapping[str, object], root: Path) -> Self:
        url, user = str(options.get("url") or ""), str(options.get("user") or "")
        if not url:
            raise InvalidInput(f"set storage.webdav.{name}.url to the directory to publish to")
        file = str(options.get("password_file") or "")
        return cls(
            Client(
                url,
                user=user,
                password=_read(root / Path(file).expanduser()) if file else "",
                timeout=int(str(options.get("timeout") or 60)),
            ),
            connections=int(str(options.get("connections") or 4)),
            owner=_owner(root),
        )

    def put(self, path: str, data: bytes, *, cache: Cache = "volatile") -> None:
        self._upload(check_path(path), io.BytesIO(data), {"Overwrite": "T"})

    def get(self, path: str) -> bytes:
        data, _ = self._get(check_path(path))
        if data is None:
            raise NotFound(f"no file {path} at {self._client.url('')}")
        return data

    def pieces(self, path: str) -> Iterator[bytes]:
        """Yield a file in ranges, each of which is retried on its own."""
        start, size = 0, 1
        while start < size:
            wanted = {"Range": f"bytes={start}-{start + _PIECE - 1}"}
            response = self._client.request(
                "GET", check_path(path), headers=wanted, accept=frozenset({301, 404, 416})
            )
            if response.status in (301, 404):
                raise NotFound(f"no file {path} at {self._client.url('')}")
            if response.status == 416:  # it is empty
                return
            yield response.body
            if response.status != 206:  # the server knows no ranges
                return
            size = int(response.headers["Content-Range"].rpartition("/")[2])
            start += _PIECE

    def sha256_all(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        return checksums(self, paths, self._connections)

    def link(self, file: PoolLink) -> None:
        """Upload the file unless it is there: nothing can be shared with a server."""
        if self._is_there(check_path(file.path), file.size):
            return
        try:
            with _opened(file) as source:
                if source.seek(0, io.SEEK_END) != file.size:
                    raise InvalidInput(f"{file.source} has not its {file.size} bytes")
                self._upload(file.path, source, {"Overwrite": "F"})
        except Conflict:  # somebody else was faster: with the same file?
            self._is_there(file.path, file.size)

    def link_all(self, files: Iterable[PoolLink]) -> dict[str, str]:
        side_by_side(self.link, files, self._connections)
        return {}

    def delete(self, paths: Iterable[str]) -> None:
        """Delete the files; empty collections stay, as another publisher may be filling them."""
        for path in paths:
            self._client.request("DELETE", check_path(path), accept=frozenset({404, 409}))

    def stat(self, path: str) -> Stat | None:
        response = self._client.request(
            "HEAD", check_path(path), accept=frozenset({301, 302, 307, 308, 404})
        )
        if response.status == 200:
            return Stat(int(response.headers["Content-Length"]))
        target = response.headers.get("Location", "")
        if response.status != 404 and not target.endswith("/"):  # which says: a collection
            raise RemoteError(f"{self._client.url(path)} has moved to {target}")
        return None

    def list(self, prefix: str = "") -> Iterator[str]:
        if prefix:
            check_path(prefix)
        return self._files(prefix)

    def commit(self, path: str, data: bytes, *, expected: bytes | None) -> None:
        """Compare and replace under a lock, and under the entity tag of what was compared."""
        with self.exclusive(path):
            found, tag = self._get(path)
            if found != expected:
                raise _conflict(path)
            headers = {"Overwrite": "T" if tag or expected is not None else "F"}
            if tag.startswith('"'):  # a weak one may stand for several contents
                headers["If"] = f"<{self._client.url(path)}> ([{tag}])"
            self._upload(path, io.BytesIO(data), headers)

    def close(self) -> None:
        self._client.close()

    def _get(self, path: str) -> tuple[bytes | None, str]:
        """Return the content and the entity tag of ``path``, if it is there."""
        response = self._client.request("GET", path, accept=frozenset({301, 404}))
        if response.status != 200:
            return None, ""
        return response.body, response.headers.get("ETag", "")

    def _is_there(self, path: str, size: int) -> bool:
        found = self.stat(path)
        if found is not None and found.size != size:
            raise Conflict(
                f"{path} is served with other content ({found.size} bytes, not {size})",
                hint=f"is it debrepo's? delete {self._client.url(path)} if nobody needs it",
            )
        return found is not None

    def _upload(self, path: str, body: BinaryIO, headers: Mapping[str, str]) -> None:
        """Upload under another name, and move to ``path`` as the headers allow."""
        directory = path.rpartition("/")[0]
        partial = f"{directory}/{_PARTIAL}{os.urandom(8).hex()}".lstrip("/")
        self._make(directory)
        me = threading.get_ident()
        for held in [held for (thread, _), held in self._held.items() if thread == me]:
            held.refresh(self._client)
        sent = {"Content-Type": content_type(path)}
        self._client.request("PUT", partial, headers=sent, body=body)
        target = {"Destination": self._client.url(path), **headers}
        try:
            moved = self._client.request(
                "MOVE", partial, headers=target, accept=frozenset({404, 409, 412})
            )
        except RemoteError:
            self._client.request("DELETE", partial, accept=frozenset({404}))
            raise
        if moved.status == 412:
            self._client.request("DELETE", partial, accept=frozenset({404}))
            raise _conflict(path)
        if moved.status == 409:
            self._client.request("DELETE", partial, accept=frozenset({404}))
            raise InvalidInput(f"cannot store {path}: the server has a directory of that name")
        if moved.status == 404 and not (moved.retried and self._holds(path, body)):
            raise RemoteError(f"the server has lost {self._client.url(partial)}")

    def _holds(self, path: str, body: BinaryIO) -> bool:
        """Return whether a move whose answer got lost has been made."""
        body.seek(0)
        return self._get(path)[0] == body.read()

    def _make(self, directory: str) -> None:
        if directory in self._collections:
            return
        if self._mkcol(directory) == 409:  # the one above is missing
            self._make(directory.rpartition("/")[0])
            if self._mkcol(directory) == 409:
                raise RemoteError(f"the server makes no directory {self._client.url(directory)}")
        self._collections.add(directory)

    def _mkcol(self, directory: str) -> int:
        accept = frozenset({405, 409})  # there is one; there is none above it
        return self._client.request("MKCOL", directory + "/", accept=accept).status

    def _files(self, directory: str) -> Iterator[str]:
        prefix = f"{directory}/" if directory else ""
        members = {}
        for member in self._members(prefix):
            name = member.path.rpartition("/")[2]
            if name.startswith(_OURS):
                self._sweep(prefix + name, member)
            else:
                members[name + "/" if member.is_collection else name] = member
        for name in sorted(members):  # ``a-b`` stands before ``a/b``
            if name.endswith("/"):
                yield from self._files(prefix + name.rstrip("/"))
            else:
                yield prefix + name

    def _members(self, directory: str) -> Iterator[multistatus.Member]:
        response = self._client.request(
            "PROPFIND",
            directory,
            headers={"Depth": "1", "Content-Type": "application/xml"},
            body=multistatus.REQUEST,
            accept=frozenset({404}),
        )
        if response.status != 404:
            itself = (unquote(self._client.base) + directory).rstrip("/")
            yield from (found for found in multistatus.parse(response.body) if found.path != itself)

    def _sweep(self, path: str, member: multistatus.Member) -> None:
        """Delete what a crash left behind a day ago."""
        if member.modified and datetime.now(UTC) - member.modified > _ABANDONED:
            self._client.request("DELETE", path, accept=frozenset({404, 423}))

    def lock_as(self, owner: str) -> None:
        self._owner = owner

    @contextmanager
    def exclusive(self, path: str) -> Iterator[None]:
        """Hold a lock beside ``path``, where the server has locks.

        A lock on ``path`` would make an empty file of it where there is none.
        """
        directory = check_path(path).rpartition("/")[0]
        me = (threading.get_ident(), directory)
        if me in self._held:
            yield
            return
        self._make(directory)
        lock = f"{directory}/{NAME}".lstrip("/")
        with hold(self._client, lock, self._owner) as self._held[me]:
            try:
                yield
            finally:
                del self._held[me]


def _owner(root: Path) -> str:
    """Return the name of a root in locks, which everybody may read."""
    found = root.stat()
    text = f"{platform.node()}:{found.st_dev}:{found.st_ino}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _opened(file: PoolLink) -> BinaryIO:
    try:
        return file.source.open("rb")
    except OSError as error:
        raise NotFound(f"cannot publish {file.path}: {file.source}: {error.strerror}") from None


def _conflict(path: str) -> Conflict:
    return Conflict(
        f"{path} is not what this publisher left there",
        hint="does another debrepo publish to this place?",
    )


def _read(path: Path) -> str:
    try:
        return path.read_text().rstrip("\r\n")
    except OSError as error:
        raise InvalidInput(f"cannot read the password file {path}: {error.strerror}") from None
