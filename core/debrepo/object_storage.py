"""Object stores: a storage from four methods, for services that keep objects under names."""

from __future__ import annotations

import secrets
import threading
import time
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from debrepo.errors import Conflict, InvalidInput, NotFound
from debrepo.storage import (
    Stat,
    Storage,
    check_path,
    content_type,
    sha256_or_nothing,
    somebody_elses,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import ClassVar

    from debrepo.storage import Cache, PoolLink

T = TypeVar("T")

CACHE_CONTROL = {"immutable": "public, max-age=31536000, immutable", "volatile": "no-cache"}
_LOCK = "~debrepo-lock"
_ATTEMPTS = 5  # at a name that others create and delete
_LOCK_LIFE = 600.0  # seconds after which a lock was left behind; its owner trusts half of them
_LOCK_WAIT = 120.0
_LOCK_PAUSE = 0.2


class Object(NamedTuple):
    """An object as the service has it."""

    data: bytes
    tag: str  #: changes with the data: an entity tag, a generation, a version
    age: float  #: seconds since it was written, by the clock of the service


class Headers(NamedTuple):
    """What is to be served together with an object."""

    content_type: str
    cache_control: str


class ObjectStorage(Storage):
    """A storage on a service with objects, conditional writes, and no directories.

    A back end fills in `write`, `read`, `remove` and `names`; what it overrides beyond them
    makes it faster. Its methods are called from several threads.
    """

    connections: ClassVar[int] = 8  #: over which package files travel

    def __init__(self, owner: str = "") -> None:
        """Open it for ``owner``, of whom only one publishes at a time: a root, a machine."""
        self._owner = owner or secrets.token_hex(8)
        self._held: dict[tuple[int, str], float] = {}

    @abstractmethod
    def write(
        self, path: str, body: bytes | Path, headers: Headers, *, only_if: str | None = None
    ) -> bool | str:
        """Store an object, in one step, and return whether that was done.

        ``only_if`` is the tag of the object that may be replaced; empty: there must be none.
        Only where it forbids the write is the answer ``False``. Where the service tells the tag of
        what was stored, return that: it becomes the version of the file.
        """

    @abstractmethod
    def read(self, path: str) -> Object | None:
        """Return an object, or ``None`` where there is none."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Delete an object; a missing one is no error."""

    @abstractmethod
    def names(self, prefix: str) -> Iterator[str]:
        """Yield the paths that start with ``prefix``, sorted."""

    def size(self, path: str) -> int | None:
        """Return the size of an object; override where that is cheaper than to read it."""
        found = self.read(path)
        return None if found is None else len(found.data)

    def put(self, path: str, data: bytes, *, cache: Cache = "volatile") -> str | None:
        return _version(self.write(check_path(path), data, _headers(path, cache)))

    def get(self, path: str) -> bytes:
        found = self.read(check_path(path))
        if found is None:
            raise NotFound(f"no object called {path}")
        return found.data

    def link(self, file: PoolLink) -> str | None:
        """Upload the file unless it is there: nothing can be shared with a service."""
        path = check_path(file.path)
        try:
            size = file.source.stat().st_size
        except OSError as error:
            raise NotFound(f"cannot publish {path}: {file.source}: {error.strerror}") from None
        if size != file.size:
            raise InvalidInput(f"{file.source} has {size} bytes instead of {file.size}")
        for _ in range(_ATTEMPTS):
            made = self.write(path, file.source, _headers(path, "immutable"), only_if="")
            if made:
                return _version(made)
            found = self.size(path)
            if found == size:
                return None
            if found is not None:
                raise Conflict(
                    f"{path} is served with other content ({found} bytes, not {size})",
                    hint="delete it if it is not needed",
                )
        raise Conflict(f"somebody else deletes {path} again and again")

    def put_all(self, files: Mapping[str, bytes], *, cache: Cache) -> dict[str, str]:
        made: dict[str, str | None] = {}
        side_by_side(
            lambda file: made.update({file[0]: self.put(*file, cache=cache)}),
            files.items(),
            self.connections,
        )
        return {path: version for path, version in made.items() if version}

    def link_all(self, files: Iterable[PoolLink]) -> dict[str, str]:
        made: dict[str, str | None] = {}
        side_by_side(
            lambda file: made.update({file.path: self.link(file)}), files, self.connections
        )
        return {path: version for path, version in made.items() if version}

    def share_all(self, files: Mapping[str, str]) -> dict[str, str]:
        made: dict[str, str | None] = {}

        def share(pair: tuple[str, str]) -> None:
            made[pair[0]] = self.put(pair[0], self.get(pair[1]), cache="immutable")

        side_by_side(share, files.items(), self.connections)
        return {path: version for path, version in made.items() if version}

    def delete(self, paths: Iterable[str]) -> None:
        side_by_side(self.remove, dict.fromkeys(map(check_path, paths)), self.connections)

    def stat(self, path: str) -> Stat | None:
        size = self.size(check_path(path))
        return None if size is None else Stat(size)

    def stat_all(self, paths: Iterable[str]) -> Iterator[tuple[str, Stat | None]]:
        with ThreadPoolExecutor(self.connections) as threads:
            yield from threads.map(lambda path: (path, self.stat(path)), paths)

    def sha256_all(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        return checksums(self, paths, self.connections)

    def list(self, prefix: str = "") -> Iterator[str]:
        start = f"{check_path(prefix)}/" if prefix else ""
        return (path for path in self.names(start) if path.rpartition("/")[2] != _LOCK)

    def commit(self, path: str, data: bytes, *, expected: bytes | None) -> str | None:
        found = self.read(check_path(path))
        if (None if found is None else found.data) == expected:
            tag = found.tag if found else ""
            made = self.write(path, data, _headers(path, "volatile"), only_if=tag)
            if made:
                return _version(made)
            found = self.read(path)
            if found is not None and found.data == data:  # the answer to an earlier try got lost
                return found.tag if self.has_versions else None
        raise somebody_elses(path)

    def replace(self, path: str, data: bytes, *, version: str) -> str:
        made = self.write(check_path(path), data, _headers(path, "volatile"), only_if=version)
        if isinstance(made, str):
            return made
        found = self.read(path)
        if found is None or found.data != data:
            raise somebody_elses(path)
        return found.tag  # the answer to an earlier try got lost

    def lock_as(self, owner: str) -> None:
        self._owner = owner

    @contextmanager
    def exclusive(self, path: str) -> Iterator[None]:
        """Hold a lock object beside ``path``."""
        lock = f"{check_path(path).rpartition('/')[0]}/{_LOCK}".lstrip("/")
        holder = (threading.get_ident(), lock)
        if holder in self._held:
            yield
            return
        self._held[holder] = self._lock(lock)
        try:
            yield
        finally:
            if time.monotonic() - self._held.pop(holder) < _LOCK_LIFE / 2:
                self.remove(lock)

    def _lock(self, lock: str) -> float:
        mine = f"{self._owner} {secrets.token_hex(8)}".encode()
        deadline = time.monotonic() + _LOCK_WAIT
        while True:
            since = time.monotonic()
            if self._take(lock, mine):
                return since
            if since > deadline:
                raise Conflict(
                    f"somebody else has been publishing for {_LOCK_WAIT:.0f} seconds",
                    hint=f"if nobody is, delete {lock}",
                )
            time.sleep(_LOCK_PAUSE)

    def _take(self, lock: str, mine: bytes) -> bool:
        headers = _headers(lock, "volatile")
        if self.write(lock, mine, headers, only_if=""):
            return True
        found = self.read(lock)
        if found is None or found.data == mine:  # the latter: the answer got lost
            return found is not None
        left_behind = found.data.startswith(f"{self._owner} ".encode()) or found.age > _LOCK_LIFE
        if not left_behind:
            return False
        if self.write(lock, mine, headers, only_if=found.tag):
            return True
        again = self.read(lock)
        return again is not None and again.data == mine


def _version(made: bool | str) -> str | None:
    return made if isinstance(made, str) else None


def _headers(path: str, cache: Cache) -> Headers:
    return Headers(content_type(path), CACHE_CONTROL[cache])


def checksums(storage: Storage, paths: Iterable[str], threads: int) -> Iterator[tuple[str, str]]:
    """Yield each path with its SHA-256, as `Storage.sha256_all` does, from several threads."""
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(lambda path: (path, sha256_or_nothing(storage, path)), paths)


def side_by_side(action: Callable[[T], object], items: Iterable[T], threads: int) -> None:
    """Call ``action`` for every item, in several threads; the first failure ends it."""
    source, turn, over = iter(items), threading.Lock(), threading.Event()

    def work(_: int) -> None:
        try:
            while not over.is_set():
                with turn:
                    try:
                        item = next(source)
                    except StopIteration:
                        return
                action(item)
        except BaseException:
            over.set()
            raise

    with ThreadPoolExecutor(threads) as pool:
        try:
            for _ in pool.map(work, range(threads)):
                pass
        finally:
            over.set()
