"""A directory as a publish storage."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from functools import partial as bound
from threading import get_ident
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from debrepo.errors import Conflict, InvalidInput, NotFound
from debrepo.storage import Cache, PoolLink, Stat, Storage, check_path, somebody_elses
from debrepo_publish_fs import directories
from debrepo_publish_fs.failures import translated
from debrepo_publish_fs.options import LinkMethod, file_mode, link_method, place
from debrepo_publish_fs.partial import (
    PREFIX,
    Ready,
    copy,
    date_after,
    link_later,
    name_in,
    partial,
    sweep,
    unlink,
    write_all,
)
from debrepo_publish_fs.tree import DirectoryTree, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

#: Why a hard link may be impossible where a copy is not: another file system, one without
#: links, too many links, the file of another user (fs.protected_hardlinks).
_UNLINKABLE = {errno.EXDEV, errno.EOPNOTSUPP, errno.EMLINK, errno.EPERM}
_PIECE = 1 << 20
_ATTEMPTS = 5  # if other processes delete the directory


class FileStorage(Storage):
    """A directory, usually the document root of a web server.

    Files have the mode that is set, whatever the umask; a hard-linked package file shares
    the pool's.
    """

    coarse_dates = False  # `date_after` sees to it
    links_directories = True

    def __init__(
        self, root: Path, link: LinkMethod = "hardlink", mode: int = 0o644, *, public_url: str = ""
    ) -> None:
        self.root = root
        self._public_url = public_url.rstrip("/")
        self._root = str(root)  # a `Path` costs more to spell than to link a file
        self._mode = mode
        self._tree = DirectoryTree(self._root, mode | (mode & 0o444) >> 2 | 0o300)
        self._method = link
        self._swept: set[str] = set()
        self._written = False
        self._ready: dict[str, Ready] = {}
        self._owner = 0  # the thread that keeps other publishers out
        self._seen: dict[str, bytes | None] = {}  # while it does

    @classmethod
    def open(cls, name: str, options: Mapping[str, object], root: Path) -> Self:
        return cls(
            place(name, options, root),
            link_method(name, options),
            file_mode(name, options),
            public_url=str(options.get("public_url") or ""),
        )

    def put(self, path: str, data: bytes, *, cache: Cache = "volatile") -> None:
        target = f"{self._root}/{check_path(path)}"
        ready = self._ready.get(path)
        if ready and ready.is_of(data) and self._switch(path, target, ready):
            return

        def write(descriptor: int) -> None:
            write_all(descriptor, data)
            if cache == "volatile":
                date_after(target, descriptor)

        self._replace(path, write)

    def get(self, path: str) -> bytes:
        seen: bytes | None = None
        try:
            seen = b"".join(self.pieces(path))
        finally:
            if self._owner == get_ident():
                self._seen[path] = seen
        return seen

    def pieces(self, path: str) -> Iterator[bytes]:
        with translated(path):
            try:
                with open(f"{self.root}/{check_path(path)}", "rb", buffering=0) as file:
                    while piece := file.read(_PIECE):
                        yield piece
            except FileNotFoundError:
                raise NotFound(f"no file {path} in {self.root}") from None

    def sha256_all(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        from debrepo.object_storage import checksums  # threads, which no publish waits for

        return checksums(self, paths, len(os.sched_getaffinity(0)))

    def url(self, path: str = "") -> str:
        if not self._public_url:
            return ""
        return f"{self._public_url}/{quote(path, safe='/~')}" if path else self._public_url

    def local_path(self, path: str) -> Path | None:
        return self.root / check_path(path)

    def link(self, file: PoolLink) -> None:
        path = check_path(file.path)
        self._written = True
        with translated(path):
            if self._method == "hardlink":
                try:
                    self._in_directory(path, lambda target: os.link(file.location, target))
                except FileExistsError:
                    if not self._check_same(file):
                        self._copy(file)
                except OSError as error:
                    if error.errno not in _UNLINKABLE:
                        raise
                    self._copy(file)
            elif self._method == "symlink":
                self._symlink(file)
            else:
                self._copy(file)

    def link_all(self, files: Iterable[PoolLink]) -> dict[str, str]:
        link = self._link_at_once if self._method == "hardlink" else self.link
        for file in files:
            link(file)
        return {}

    def _link_at_once(self, file: PoolLink) -> None:
        """Link a file with as few system calls as possible."""
        path = check_path(file.path)
        self._written = True
        try:
            self._tree.make(path.rpartition("/")[0])
            os.link(file.location, f"{self._root}/{path}")
        except OSError:  # it exists, or the link failed
            self.link(file)

    def share_all(self, files: Mapping[str, str]) -> dict[str, str]:
        self._written = True
        for path, old in files.items():
            source = f"{self._root}/{check_path(old)}"
            if self._stat(old) is None:
                raise NotFound(f"no file {old} in {self.root}")
            with translated(path):
                try:
                    self._in_directory(check_path(path), bound(directories.share, source))
                except OSError as error:
                    if error.errno not in _UNLINKABLE:
                        raise
                    self.put(path, self.get(old), cache="immutable")
        return {}

    def link_directory(self, path: str, target: str) -> None:
        self._written = True
        with translated(path):
            content = directories.relative(check_path(path), check_path(target))
            self._in_directory(path, bound(directories.link, content))

    def unlink_directory(self, path: str, *, unless: str = "") -> None:
        with translated(check_path(path)):
            if directories.unlink(f"{self._root}/{path}", unless and f"{self._root}/{unless}"):
                self._written = True
                self._tree.prune([path.rpartition("/")[0]])

    def delete(self, paths: Iterable[str]) -> None:
        self._written |= self._tree.delete(map(check_path, paths))

    def stat(self, path: str) -> Stat | None:
        return self._stat(check_path(path))

    def list(self, prefix: str = "") -> Iterator[str]:
        if prefix:
            check_path(prefix)
        return (
            path
            for path in self._tree.files(prefix)
            if not path.rpartition("/")[2].startswith(PREFIX)
        )

    def commit(self, path: str, data: bytes, *, expected: bytes | None) -> None:
        """Compare and replace under the lock on the root; what was read under it is compared."""
        with self.exclusive(path):
            found = self._seen[path] if path in self._seen else self._current(path)
            if found != expected:
                raise somebody_elses(path)
            self.put(path, data)
            self._seen.pop(path, None)

    def _current(self, path: str) -> bytes | None:
        try:
            return self.get(path)
        except NotFound:
            return None

    @contextmanager
    def exclusive(self, path: str) -> Iterator[None]:
        """Hold a lock on the root, which keeps out the other publishers of this machine."""
        check_path(path)
        if self._owner == get_ident():
            yield
            return
        with translated(path):
            self._tree.make("")
            lock = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with translated(path):
                fcntl.flock(lock, fcntl.LOCK_EX)
            self._owner = get_ident()
            yield
        finally:
            self._owner = 0
            self._seen.clear()
            os.close(lock)

    @contextmanager
    def prepared(self, files: Mapping[str, bytes], same: Mapping[str, str]) -> Iterator[None]:
        """Write each file under a partial name beside its own, so that `put` only renames it.

        That takes the entry in the directory, too: a rename needs no space. A hard link to the
        immutable file with the same content saves writing it again.
        """
        try:
            for path, data in files.items():
                self._prepare(path, data, same.get(path))
            self.flush()
            yield
        finally:
            left, self._ready = self._ready, {}
            for ready in left.values():
                if ready.partial:
                    unlink(ready.partial)

    def _prepare(self, path: str, data: bytes, same: str | None) -> None:
        check_path(path)
        self._written = True

        def prepare(target: str) -> None:
            directory = target.rpartition("/")[0]
            self._sweep(directory)
            name = name_in(directory)
            if same:
                is_there = link_later(f"{self._root}/{check_path(same)}", name, target, len(data))
                if is_there is not None:
                    self._ready[path] = Ready.of(data, "" if is_there else name)
                    return
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(name, flags, self._mode)
            self._ready[path] = Ready.of(data, name)
            try:
                os.fchmod(descriptor, self._mode)
                write_all(descriptor, data)
                date_after(target, descriptor)
            finally:
                os.close(descriptor)

        with translated(path):
            self._in_directory(path, prepare)

    def _switch(self, path: str, target: str, ready: Ready) -> bool:
        """Rename a prepared file; return ``False`` if it was deleted."""
        del self._ready[path]
        self._written = True
        with translated(path):
            try:
                if ready.partial:
                    os.rename(ready.partial, target)
            except FileNotFoundError:  # deleted by another process: write it again
                return False
        return True

    def flush(self) -> None:
        if self._written:
            with translated(str(self.root)):
                sync(self._tree.file_systems())
            self._written = False

    def _copy(self, file: PoolLink) -> None:
        if self._tree.exists(file.path.rpartition("/")[0]) and self._check_same(file):
            return

        def write(descriptor: int) -> None:
            size = copy(str(file.source), descriptor, reflink=self._method == "reflink")
            if size != file.size:
                raise InvalidInput(f"{file.source} has {size} bytes instead of {file.size}")

        self._replace(file.path, write, lambda name, target: self._create(name, target, file))

    def _create(self, name: str, target: str, file: PoolLink) -> None:
        """Give a copy its name, unless another publisher has been faster with another file."""
        try:
            os.link(name, target)
        except FileExistsError:
            if not self._check_same(file):  # an empty one
                os.rename(name, target)
        except OSError as error:
            if error.errno not in _UNLINKABLE:
                raise
            with self.exclusive(file.path):
                if not self._check_same(file):
                    os.rename(name, target)

    def _symlink(self, file: PoolLink) -> None:
        source = file.source.absolute()
        source.stat()  # a link to nothing can be made, too
        try:
            self._in_directory(file.path, lambda target: os.symlink(source, target))
        except FileExistsError:
            if not self._check_same(file):  # the link is broken: the pool has moved
                os.unlink(f"{self.root}/{file.path}")
                self._in_directory(file.path, lambda target: os.symlink(source, target))

    def _check_same(self, file: PoolLink) -> bool:
        """Return whether the file is there; raise `Conflict` where it is another one.

        No package file is empty: an empty one is what a power failure makes of a copy.
        """
        found = self._stat(file.path)
        if found is None or (found.size == 0 != file.size):
            return False
        if found.size != file.size:
            raise Conflict(
                f"{file.path} is served with other content ({found.size} bytes, not {file.size})",
                hint=f"is it debrepo's? delete {self.root}/{file.path} if nobody needs it",
            )
        return True

    def _stat(self, path: str) -> Stat | None:
        with translated(path):
            try:
                found = os.stat(f"{self.root}/{path}")
            except (FileNotFoundError, NotADirectoryError):
                return None
        return Stat(found.st_size) if found.st_mode & 0o170000 == 0o100000 else None

    def _replace(
        self,
        path: str,
        write: Callable[[int], None],
        name_it: Callable[[str, str], None] = os.rename,
    ) -> None:
        self._written = True

        def through_partial(target: str) -> None:
            directory = target.rpartition("/")[0]
            self._sweep(directory)
            with partial(directory, self._mode) as (descriptor, name):
                write(descriptor)
                name_it(name, target)

        with translated(path):
            self._in_directory(path, through_partial)

    def _sweep(self, directory: str) -> None:
        if directory not in self._swept:
            sweep(directory)
            self._swept.add(directory)

    def _in_directory(self, path: str, action: Callable[[str], None]) -> None:
        """Create the directory of ``path``, and call ``action`` with the full path.

        If another process deletes the empty directory meanwhile, it is created again.
        """
        directory = path.rpartition("/")[0]
        attempt = 0
        while True:
            self._tree.make(directory)
            try:
                return action(f"{self.root}/{path}")
            except FileNotFoundError:
                attempt += 1
                if not self._tree.lost(directory) and attempt > _ATTEMPTS:
                    raise  # the source is missing
