"""A directory as a publish storage."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, get_args

from debrepo.errors import Conflict, InvalidInput, NotFound, RemoteError
from debrepo.storage import Cache, PoolLink, Stat, Storage, check_path
from debrepo_publish_fs.partial import PREFIX, copy, partial, sweep, write_all
from debrepo_publish_fs.tree import Tree, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

LinkMethod = Literal["hardlink", "symlink", "copy", "reflink"]

#: Why a hard link may be impossible where a copy is not: another file system, one without
#: links, too many links, somebody else's file (fs.protected_hardlinks).
_UNLINKABLE = {errno.EXDEV, errno.EOPNOTSUPP, errno.EMLINK, errno.EPERM}
_PIECE = 1 << 20
_ATTEMPTS = 5  # at a directory that others delete
_USER_ERRORS = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ELOOP}


class FileStorage(Storage):
    """A directory, usually the document root of a web server.

    File modes are 0644 less the umask; a hard-linked package file shares the pool's.
    """

    def __init__(self, root: Path, link: LinkMethod = "hardlink") -> None:
        self.root = root
        self._root = str(root)  # a `Path` costs more to spell than to link a file
        self._tree = Tree(self._root)
        self._method = link
        self._swept: set[str] = set()
        self._written = False

    @classmethod
    def open(cls, name: str, options: Mapping[str, object], root: Path) -> Self:
        link = str(options.get("link") or "hardlink")
        if link not in get_args(LinkMethod):
            raise InvalidInput(
                f"storage.fs.{name}.link is {link!r}",
                hint=f"it can be: {', '.join(get_args(LinkMethod))}",
            )
        place = str(options.get("root") or ("" if name else "public"))
        if not place:
            raise InvalidInput(
                f"storage fs:{name} has no root",
                hint=f"set storage.fs.{name}.root to the directory to publish to",
            )
        return cls(root / Path(place).expanduser(), link)  # type: ignore[arg-type]  # just checked

    def put(self, path: str, data: bytes, *, cache: Cache = "volatile") -> None:
        target = f"{self.root}/{check_path(path)}"

        def write(descriptor: int) -> None:
            write_all(descriptor, data)
            if cache == "volatile":
                _date_after(target, descriptor)

        self._replace(path, write)

    def get(self, path: str) -> bytes:
        return b"".join(self.pieces(path))

    def pieces(self, path: str) -> Iterator[bytes]:
        with _translated(path):
            try:
                with open(f"{self.root}/{check_path(path)}", "rb", buffering=0) as file:
                    while piece := file.read(_PIECE):
                        yield piece
            except FileNotFoundError:
                raise NotFound(f"no file {path} in {self.root}") from None

    def local_path(self, path: str) -> Path | None:
        return self.root / check_path(path)

    def link(self, file: PoolLink) -> None:
        path = check_path(file.path)
        self._written = True
        with _translated(path):
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
        """Link a file with no more work than it takes where all is well."""
        path = check_path(file.path)
        self._written = True
        try:
            self._tree.make(path.rpartition("/")[0])
            os.link(file.location, f"{self._root}/{path}")
        except OSError:  # it is there already, or something is the matter
            self.link(file)

    def delete(self, paths: Iterable[str]) -> None:
        by_directory: dict[str, list[str]] = {}
        for path in paths:
            by_directory.setdefault(check_path(path).rpartition("/")[0], []).append(path)
        for directory, found in by_directory.items():
            with _translated(directory):
                if self._tree.exists(directory):
                    self._written = True
                    for path in found:
                        _unlink(f"{self._root}/{path}")
        self._tree.prune(by_directory)

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
        """Compare and replace under a lock on the root, which holds for this machine."""
        check_path(path)
        with _translated(path):
            self._tree.make("")
            lock = os.open(self.root, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                super().commit(path, data, expected=expected)
            finally:
                os.close(lock)

    def flush(self) -> None:
        if self._written:
            with _translated(str(self.root)):
                sync(self._tree.file_systems())
            self._written = False

    def _copy(self, file: PoolLink) -> None:
        if self._tree.exists(file.path.rpartition("/")[0]) and self._check_same(file):
            return

        def write(descriptor: int) -> None:
            size = copy(str(file.source), descriptor, reflink=self._method == "reflink")
            if size != file.size:
                raise InvalidInput(f"{file.source} has {size} bytes instead of {file.size}")

        self._replace(file.path, write)

    def _symlink(self, file: PoolLink) -> None:
        source = file.source.absolute()
        try:
            self._in_directory(file.path, lambda target: os.symlink(source, target))
        except FileExistsError:
            if not self._check_same(file):  # it leads nowhere: the pool has moved
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
        with _translated(path):
            try:
                found = os.stat(f"{self.root}/{path}")
            except (FileNotFoundError, NotADirectoryError):
                return None
        return Stat(found.st_size) if found.st_mode & 0o170000 == 0o100000 else None

    def _replace(self, path: str, write: Callable[[int], None]) -> None:
        self._written = True

        def through_partial(target: str) -> None:
            directory = target.rpartition("/")[0]
            if directory not in self._swept:
                sweep(directory)
                self._swept.add(directory)
            with partial(directory) as (descriptor, name):
                write(descriptor)
                os.rename(name, target)

        with _translated(path):
            self._in_directory(path, through_partial)

    def _in_directory(self, path: str, action: Callable[[str], None]) -> None:
        """Call ``action`` with the full path, once its directory is there.

        Another process may delete the directory when it is empty: then it is made again.
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
                    raise  # then it is the source that is missing


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"cannot publish {path}: there is no {error.filename}") from error
    except OSError as error:
        kind = InvalidInput if error.errno in _USER_ERRORS else RemoteError
        where = error.filename2 or error.filename or path
        raise kind(f"cannot publish {path}: {where}: {error.strerror}") from error


def _unlink(path: str) -> None:
    try:  # noqa: SIM105  # half of the time that `suppress` takes
        os.unlink(path)
    except FileNotFoundError:
        pass


def _date_after(target: str, descriptor: int) -> None:
    """Give a file a later second than the one that it replaces.

    HTTP tells changes by the second: whoever fetched the file that was replaced within its
    own second, and asks whether it has changed since, would be told that it has not.
    """
    try:
        before = int(os.stat(target).st_mtime)
    except FileNotFoundError:
        return
    if int(os.fstat(descriptor).st_mtime) <= before:
        os.utime(descriptor, (before + 1, before + 1))
