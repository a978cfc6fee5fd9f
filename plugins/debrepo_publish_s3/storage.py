"""A bucket as a publish storage."""

from __future__ import annotations

import hashlib
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from debrepo.errors import Conflict, NotFound
from debrepo.object_storage import CACHE_CONTROL, side_by_side
from debrepo.object_storage import checksums as checksums_of
from debrepo.storage import (
    Cache,
    PoolLink,
    Stat,
    Storage,
    check_path,
    content_type,
    somebody_elses,
)
from debrepo.wire import ranges
from debrepo.wire.refusals import Refused
from debrepo_publish_s3 import (
    checksums,
    conditions,
    connecting,
    copying,
    deletions,
    listing,
    locks,
    multipart,
    options,
    sources,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from debrepo.wire.slices import Slice
    from debrepo_publish_s3.client import Client
    from debrepo_publish_s3.options import Options

_NOT_OF_LOCKS = ("x-amz-acl", "x-amz-storage-class")
_OURS = "~debrepo-"  # what the names of locks and probes start with
_ATTEMPTS = 5  # if other publishers create and delete the object
_FEW = 50  # objects that are asked for one by one
_UNFINISHED = 86400.0  # seconds after which an unfinished upload is aborted


class S3Storage(Storage):
    """A bucket, or what is below a prefix in one."""

    copies_up_to = copying.MOST

    def __init__(self, given: Options, owner: str = "", client: Client | None = None) -> None:
        self._options = given
        self._object_headers = given.object_headers()
        self._owner = owner or secrets.token_hex(8)
        self._connected = client
        self._start = f"{given.prefix}/" if given.prefix else ""
        self._certain = given.conditional_writes in ("yes", "unquoted") or (
            given.conditional_writes == "auto" and not given.endpoint
        )
        self._conditional: bool | None = True if self._certain else None
        if given.conditional_writes == "no":
            self._conditional = False
        self._unquoted = given.conditional_writes == "unquoted"
        self._finding_out = threading.Lock()
        self._deletions = deletions.Deletions(given.timeout)
        self._held: dict[tuple[int, str], locks.HeldLock] = {}
        self._seen: dict[tuple[int, str], tuple[bytes, str]] = {}  # while a lock is held

    @classmethod
    def open(cls, name: str, given: Mapping[str, Any], root: Path) -> Self:
        return cls(options.read(name, given), locks.owner(root))

    @property
    def _client(self) -> Client:
        """The connection, made on first use: an update without changes needs none."""
        with self._finding_out:
            if self._connected is None:
                self._connected = connecting.connect(self._options)
            return self._connected

    @property
    def has_versions(self) -> bool:
        return self._heeds_conditions()

    def put(self, path: str, data: bytes, *, cache: Cache = "volatile") -> str | None:
        names = self._names(check_path(path))
        for name in names:
            headers = self._headers(path, cache) | checksums.headers(self._options, data)
            tag = self._put(self._start + name, data, headers)
        return self._form(tag) if self._conditional and len(names) == 1 else None

    def get(self, path: str) -> bytes:
        found = self._read(check_path(path))
        if found is None:
            raise NotFound(f"no object {self._start}{path} in the bucket {self._options.bucket}")
        owner = (threading.get_ident(), locks.key(path))
        if owner in self._held:
            self._seen[owner[0], path] = found
        return found[0]

    def pieces(self, path: str) -> Iterator[bytes]:
        return ranges.read(self._client, self._start + check_path(path))

    def sha256_all(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        return checksums_of(self, paths, self._options.connections)

    def put_all(self, files: Mapping[str, bytes], *, cache: Cache) -> dict[str, str]:
        return self._all(lambda file: (file[0], self.put(*file, cache=cache)), files.items())

    def link(self, file: PoolLink) -> str | None:
        """Upload the file unless it exists."""
        check_path(file.path)
        sources.check_size(file)
        made = [self._upload(file._replace(path=name)) for name in self._names(file.path)]
        return self._form(made[-1]) or None

    def link_all(self, files: Iterable[PoolLink]) -> dict[str, str]:
        """Upload small files as fast as can be; then, with care, what that was not enough for."""
        source, rest, made = iter(files), list[PoolLink](), dict[str, str]()
        if self._heeds_conditions() and not self._options.debug:
            small = self._small(source, rest)
            for file, answer in self._client.ask_all("put object", "PUT", small):
                if answer is not None and answer.status == 200 and "etag" in answer.headers:
                    made[file.path] = self._form(answer.headers["etag"])
                else:
                    rest.append(file)
        return made | self._all(lambda file: (file.path, self.link(file)), chain(rest, source))

    def copy_all(self, files: Iterable[tuple[PoolLink, str]]) -> dict[str, str]:
        """Let the service copy objects, where there is none yet."""
        return self._all(lambda pair: (pair[0].path, self._copy(*pair)), files)

    def share_all(self, files: Mapping[str, str]) -> dict[str, str]:
        return self._all(lambda pair: (pair[0], self._repeat(*pair)), files.items())

    def _repeat(self, path: str, origin: str) -> str | None:
        headers, keys = self._copied(path, origin), self._names(check_path(path))
        tags = [copying.copy(self._client, self._start + key, headers, origin) for key in keys]
        return self._form(tags[-1]) if self._conditional else None

    def _copied(self, path: str, origin: str) -> dict[str, str]:
        source = copying.source(self._options.bucket, self._start + check_path(origin))
        return self._headers(path, "immutable") | source

    def _copy(self, file: PoolLink, origin: str) -> str | None:
        headers = self._copied(file.path, origin)
        tag = ""
        for name in self._names(check_path(file.path)):
            if not self._is_there(file._replace(path=name)):
                tag = copying.copy(self._client, self._start + name, headers, origin)
        return self._form(tag) if self._conditional and tag else None

    def _small(
        self, files: Iterator[PoolLink], others: list[PoolLink]
    ) -> Iterator[tuple[PoolLink, str, dict[str, str], bytes]]:
        """Yield requests for small files; append the others."""
        create = {"if-none-match": "*"}
        for file in files:
            path = check_path(file.path)
            if file.size > sources.SMALL or len(self._names(path)) > 1:
                others.append(file)
                continue
            data = sources.read(file)
            yield file, self._start + path, self._content_headers(file, data) | create, data

    def _content_headers(self, file: PoolLink, body: bytes | Slice) -> dict[str, str]:
        headers = self._headers(file.path, "immutable")
        headers |= checksums.headers(self._options, body, file.sha256)
        if file.sha256:
            headers["x-amz-content-sha256"] = file.sha256
        return headers

    def _all(
        self, store: Callable[[Any], tuple[str, str | None]], files: Iterable[Any]
    ) -> dict[str, str]:
        """Store files in parallel, and return the versions by path."""
        made: list[tuple[str, str | None]] = []
        side_by_side(lambda file: made.append(store(file)), files, self._options.connections)
        return {path: version for path, version in made if version}

    def delete(self, paths: Iterable[str]) -> None:
        keys = {
            self._start + name: None for path in paths for name in self._names(check_path(path))
        }
        if not self._options.multi_delete or len(keys) == 1:
            side_by_side(partial(deletions.one, self._client), keys, self._options.connections)
            return
        for together in self._deletions.batches(list(keys)):
            deletions.many(self._client, together)

    def stat(self, path: str) -> Stat | None:
        key = self._start + check_path(path)
        found = self._client.ask("head object", "HEAD", key, allowed=(404,))
        if found.status == 404:
            return None
        size = int(found.headers.get("content-length", 0))
        return Stat(size, self._form(found.headers["etag"]))

    def stat_all(self, paths: Iterable[str]) -> Iterator[tuple[str, Stat | None]]:
        """List them if they are many, and ask again for the missing ones."""
        wanted = sorted(self._start + check_path(path) for path in set(paths))
        listed = listing.find(self._client, self._start, wanted) if len(wanted) > _FEW else {}
        start = len(self._start)
        for key, (size, tag) in listed.items():
            yield key[start:], Stat(size, self._form(tag))
        others = (key[start:] for key in wanted if key not in listed)
        with ThreadPoolExecutor(self._options.connections) as threads:
            yield from threads.map(lambda path: (path, self.stat(path)), others)

    def list(self, prefix: str = "") -> Iterator[str]:
        if prefix:
            check_path(prefix)
        return self._keys(f"{self._start}{prefix}/" if prefix else self._start)

    def commit(self, path: str, data: bytes, *, expected: bytes | None) -> str | None:
        check_path(path)
        if self._certain:
            tag = self._swap_expected(path, data, expected)
        else:
            with self.exclusive(path):
                tag = self._swap_under_lock(path, data, expected)
        if tag is None:
            raise somebody_elses(path)
        return tag or None

    def replace(self, path: str, data: bytes, *, version: str) -> str:
        """Replace an object that has this version, in one request."""
        self._conditional = True
        tag = self._swap(check_path(path), data, version)
        if tag is None:
            raise somebody_elses(path)
        return tag

    def lock_as(self, owner: str) -> None:
        self._owner = owner

    @contextmanager
    def exclusive(self, path: str) -> Iterator[None]:
        """Hold a lock object beside ``path``."""
        owner = (threading.get_ident(), locks.key(check_path(path)))
        if owner in self._held:
            yield
            return
        headers = self._headers(path, "volatile")
        for name in _NOT_OF_LOCKS:
            headers.pop(name, None)
        key = self._start + owner[1]
        with locks.hold(
            self._client, key, self._owner, headers, atomic=self._heeds_conditions()
        ) as held:
            self._held[owner] = held
            try:
                yield
            finally:
                del self._held[owner]
                self._seen.pop((owner[0], path), None)

    def statistics(self) -> Mapping[str, int]:
        return self._connected.statistics() if self._connected else {}

    def url(self, path: str = "") -> str:
        base = self._options.public_url.rstrip("/")
        return f"{base}/{quote(path, safe='/~')}" if base else ""

    def close(self) -> None:
        if self._connected:
            self._connected.close()

    def _names(self, path: str) -> tuple[str, ...]:
        """Return the names to store ``path`` under; the one that counts is last."""
        if self._options.plus_workaround and "+" in path:
            return path.replace("+", " "), path
        return (path,)

    def _headers(self, path: str, cache: Cache) -> dict[str, str]:
        return {
            "content-type": content_type(path),
            "cache-control": CACHE_CONTROL[cache],
            **self._object_headers,
        }

    def _heeds_conditions(self) -> bool:
        client = self._client
        with self._finding_out:
            if self._conditional is None:
                self._conditional = conditions.understood(client, self._options.prefix)
            return self._conditional

    def _read(self, path: str) -> tuple[bytes, str] | None:
        """Return the content of ``path`` and its entity tag."""
        found = self._client.ask("get object", "GET", self._start + path, allowed=(404,))
        return None if found.status == 404 else (found.body, found.headers["etag"])

    def _put(self, key: str, body: bytes | Slice, headers: dict[str, str]) -> str:
        answer = self._client.ask("put object", "PUT", key, headers=headers, body=body)
        return answer.headers["etag"]

    def _upload(self, file: PoolLink) -> str:
        """Upload a file, and return its entity tag; nothing where it was there already."""
        key = self._start + file.path
        if multipart.is_large(file.size, self._options):
            if not self._is_there(file):
                headers = self._headers(file.path, "immutable")
                multipart.upload(self._client, self._options, key, file, headers)
            return ""
        conditional = self._heeds_conditions()
        if not conditional and self._is_there(file):
            return ""
        with sources.opened(file) as body:
            headers = self._content_headers(file, body)
            if not conditional:
                return self._put(key, body, headers)
            for _ in range(_ATTEMPTS):
                made = conditions.create(self._client, key, body, headers)
                if made or self._is_there(file):
                    return made
            raise Conflict(f"another publisher keeps deleting {file.path}")

    def _is_there(self, file: PoolLink) -> bool:
        """Return whether a file is there; raise `Conflict` where it is another one."""
        found = self.stat(file.path)
        if found is not None and found.size != file.size:
            where = self._client.where(self._start + file.path)
            raise Conflict(
                f"{file.path} is served with other content ({found.size} bytes, not {file.size})",
                hint=f"is it debrepo's? delete {where} if nobody needs it",
            )
        return found is not None

    def _keys(self, start: str) -> Iterator[str]:
        if start == self._start:
            multipart.sweep(self._client, start, _UNFINISHED)
        for key in listing.keys(self._client, start):
            path = key.removeprefix(self._start)
            ours = path.rpartition("/")[2].startswith(_OURS)
            if not ours and not (self._options.plus_workaround and " " in path):
                yield path

    def _form(self, tag: str) -> str:
        """Return an entity tag as the service expects it in conditions."""
        return tag.strip('"') if self._unquoted else tag

    def _swap(self, path: str, data: bytes, tag: str, expected: bytes | None = None) -> str | None:
        """Replace the object with this entity tag, and return the new one.

        ``None``: that is not there. The tag may be a guess where ``expected`` is what it holds.
        """
        key, tried = self._start + path, self._form(tag)
        headers = self._headers(path, "volatile") | checksums.headers(self._options, data)
        if made := conditions.replace(self._client, key, data, tried, headers):
            return self._form(made)
        found = self._read(path)
        if found and (found[0] == expected or found[1].strip('"') == tag.strip('"')):
            for form in (found[1], found[1].strip('"')):  # it is no MD5, or not to be in quotes
                if form == tried:
                    continue
                if made := conditions.replace(self._client, key, data, form, headers):
                    self._unquoted = not form.startswith('"')
                    return self._form(made)
            found = self._read(path)
        return self._form(found[1]) if found and found[0] == data else None  # an answer was lost

    def _swap_expected(self, path: str, data: bytes, expected: bytes | None) -> str | None:
        """Replace ``expected`` by ``data`` in a write with a condition."""
        if expected is not None:
            _, tag = self._seen.pop((threading.get_ident(), path), (b"", ""))
            guess = f'"{hashlib.md5(expected, usedforsecurity=False).hexdigest()}"'
            return self._swap(path, data, tag or guess, expected)
        headers = self._headers(path, "volatile") | checksums.headers(self._options, data)
        if made := conditions.create(self._client, self._start + path, data, headers):
            return self._form(made)
        found = self._read(path)  # an earlier try whose answer was lost?
        return self._form(found[1]) if found and found[0] == data else None

    def _swap_under_lock(self, path: str, data: bytes, expected: bytes | None) -> str | None:
        me = threading.get_ident()
        found = self._seen.pop((me, path), None) or self._read(path)
        if (None if found is None else found[0]) != expected:
            return None
        self._held[me, locks.key(path)].check()
        if self._conditional:  # in case another publisher uses no locks
            if found is not None:
                self._seen[me, path] = found
            try:
                return self._swap_expected(path, data, expected)
            except Refused as refusal:
                if refusal.status not in (400, 405, 501):
                    raise
        return self.put(path, data) or ""
