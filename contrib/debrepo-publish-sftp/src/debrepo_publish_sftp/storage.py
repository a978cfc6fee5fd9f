"""A directory behind an SFTP server as a publish storage."""

from __future__ import annotations

import io
import os
import platform
import stat
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Self

from debrepo.errors import Conflict, DebrepoError, InvalidInput, NotFound
from debrepo.storage import Cache, PoolLink, Stat, Storage, check_path, somebody_elses
from debrepo_publish_sftp.connection import Connection, SftpPlace, is_there, opened_place
from debrepo_publish_sftp.locks import NAME, PARTIAL, SftpLock, hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    import paramiko

_BLOCK = 1 << 18
_ABANDONED = 86_400  # seconds after which a partial file was left behind by a crash
_ATTEMPTS = 20  # at a directory that others delete when it is empty


class SftpStorage(Storage):
    """A directory of another machine."""

    def __init__(
        self, place: SftpPlace, *, owner: str = "", pause: Callable[[float], None] = time.sleep
    ) -> None:
        """Open it for ``owner``, of whom only one publishes at a time: a root of a machine."""
        self._connection = Connection(place, pause)
        self._directory = place.directory
        self._owner = owner or os.urandom(8).hex()
        self._held: dict[tuple[int, str], SftpLock] = {}

    @classmethod
    def open(cls, name: str, options: Mapping[str, object], root: Path) -> Self:
        url = str(options.get("url") or "")
        if not url:
            raise InvalidInput(f"set storage.sftp.{name}.url to the directory to publish to")
        owner = f"{platform.node()}:{root.stat().st_dev}:{root.stat().st_ino}"
        return cls(opened_place(url, dict(options), root), owner=owner)

    def put(self, path: str, data: bytes, *, cache: Cache = "volatile") -> None:
        self._upload(check_path(path), io.BytesIO(data), replace=True)

    def get(self, path: str) -> bytes:
        return b"".join(self.pieces(path))

    def pieces(self, path: str) -> Iterator[bytes]:
        """Yield the file in pieces; only the first is asked for again when a connection ends."""
        full = self._full(path)
        file = self._connection.run(lambda sftp: sftp.open(full, "rb"), path)
        start = 0
        while True:
            file, piece = self._connection.run(
                lambda sftp, start=start, file=file: _piece(sftp, file, full, start),  # type: ignore[misc]
                path,
            )
            if not piece:
                file.close()
                return
            start += len(piece)
            yield piece

    def link(self, file: PoolLink) -> None:
        """Upload the file unless it is there: nothing can be shared with a server."""
        if self._is_there(check_path(file.path), file.size):
            return
        with _opened(file) as source:
            if source.seek(0, io.SEEK_END) != file.size:
                raise InvalidInput(f"{file.source} has not its {file.size} bytes")
            for _ in range(_ATTEMPTS):
                if self._upload(file.path, source, replace=False):
                    return
                if self._is_there(file.path, file.size):  # somebody else was as fast
                    return
        raise Conflict(f"{file.path} is a directory, or comes and goes")

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            full = self._full(path)
            with suppress(NotFound):
                self._connection.run(lambda sftp, full=full: sftp.remove(full), path)  # type: ignore[misc]
            self._tidy(path.rpartition("/")[0])

    def stat(self, path: str) -> Stat | None:
        full = self._full(path)
        try:
            found = self._connection.run(lambda sftp: sftp.stat(full), path)
        except NotFound:
            return None
        return None if stat.S_ISDIR(found.st_mode or 0) else Stat(int(found.st_size or 0))

    def list(self, prefix: str = "") -> Iterator[str]:
        if prefix:
            check_path(prefix)
        return self._files(prefix)

    def commit(self, path: str, data: bytes, *, expected: bytes | None) -> None:
        """Compare and replace under the lock of the directory."""
        with self.exclusive(path):
            try:
                found: bytes | None = self.get(path)
            except NotFound:
                found = None
            if found != expected:
                raise somebody_elses(path)
            self.put(path, data)

    def lock_as(self, owner: str) -> None:
        self._owner = owner

    @contextmanager
    def exclusive(self, path: str) -> Iterator[None]:
        directory = check_path(path).rpartition("/")[0]
        me = (threading.get_ident(), directory)
        if me in self._held:
            yield
            return
        self._connection.run(lambda sftp: self._make(sftp, directory), directory)
        lock = f"{self._directory}/{directory}/{NAME}" if directory else f"{self._directory}/{NAME}"
        with hold(self._connection, lock, self._owner) as self._held[me]:
            try:
                yield
            finally:
                del self._held[me]

    def close(self) -> None:
        self._connection.close()

    def _full(self, path: str) -> str:
        return f"{self._directory}/{check_path(path)}"

    def _is_there(self, path: str, size: int) -> bool:
        found = self.stat(path)
        if found is not None and found.size != size:
            raise Conflict(
                f"{path} is served with other content ({found.size} bytes, not {size})",
                hint="delete it if nobody needs it",
            )
        return found is not None

    def _upload(self, path: str, body: BinaryIO, *, replace: bool) -> bool:
        """Upload under another name and rename; return whether it has got its name."""
        me = threading.get_ident()
        for held in [held for (thread, _), held in self._held.items() if thread == me]:
            held.renew()
        directory = path.rpartition("/")[0]
        partial = f"{directory}/{PARTIAL}{os.urandom(8).hex()}".lstrip("/")
        full, beside = self._full(path), self._full(partial)

        def send(sftp: paramiko.SFTPClient) -> None:
            body.seek(0)
            with self._created(sftp, beside, directory) as file:
                file.set_pipelined(True)
                while block := body.read(_BLOCK):
                    file.write(block)

        def rename(sftp: paramiko.SFTPClient) -> bool:
            if replace:
                sftp.posix_rename(beside, full)
                return True
            try:
                sftp.rename(beside, full)  # which does not replace
            except FileNotFoundError:
                raise
            except OSError:
                sftp.stat(full)  # it is in the way; if not, that is the error
                return False
            return True

        try:
            self._connection.run(send, path)
            done = self._connection.run(rename, path)
        except NotFound:
            if self._holds(path, body):  # the answer to an earlier attempt got lost
                return True
            raise
        except DebrepoError:
            self._forget(beside)
            raise
        if not done:
            self._forget(beside)
        return done

    def _holds(self, path: str, body: BinaryIO) -> bool:
        body.seek(0)
        try:
            return self.get(path) == body.read()
        except NotFound:
            return False

    def _forget(self, full: str) -> None:
        """Delete a partial file, if that is possible."""
        with suppress(DebrepoError):
            self._connection.run(lambda sftp: sftp.remove(full), full)

    def _created(self, sftp: paramiko.SFTPClient, full: str, directory: str) -> paramiko.SFTPFile:
        """Create a file; make its directory, which others may delete while it is empty."""
        for _ in range(_ATTEMPTS):
            with suppress(FileNotFoundError):
                return sftp.open(full, "wb")
            self._make(sftp, directory)
        return sftp.open(full, "wb")

    def _make(self, sftp: paramiko.SFTPClient, directory: str) -> None:
        """Make a directory and those above it."""
        full = f"{self._directory}/{directory}" if directory else self._directory
        if directory and not _is_directory(sftp, full):
            self._make(sftp, directory.rpartition("/")[0])
            try:
                sftp.mkdir(full)
            except PermissionError:
                raise
            except OSError:  # another publisher has made it, or deleted the one above
                if is_there(sftp, full) and not _is_directory(sftp, full):
                    raise

    def _tidy(self, directory: str) -> None:
        """Delete directories that are empty; the server keeps those that are not."""
        while directory:
            full = self._full(directory)
            try:
                self._connection.run(lambda sftp, full=full: sftp.rmdir(full), directory)  # type: ignore[misc]
            except NotFound:
                pass
            except DebrepoError:
                return
            directory = directory.rpartition("/")[0]

    def _files(self, directory: str) -> Iterator[str]:
        prefix = f"{directory}/" if directory else ""
        full = f"{self._directory}/{directory}".rstrip("/")
        try:
            found = self._connection.run(lambda sftp: sftp.listdir_attr(full), directory)
        except NotFound:
            return
        names = []
        for one in found:
            if one.filename.startswith(PARTIAL):
                self._sweep(f"{full}/{one.filename}", one)
            elif one.filename != NAME:
                mark = "/" if stat.S_ISDIR(one.st_mode or 0) else ""
                names.append(one.filename + mark)
        for name in sorted(names):  # ``a-b`` stands before ``a/b``
            if name.endswith("/"):
                yield from self._files(prefix + name.rstrip("/"))
            else:
                yield prefix + name

    def _sweep(self, full: str, found: paramiko.SFTPAttributes) -> None:
        """Delete what a crash left behind a day ago."""
        if time.time() - (found.st_mtime or 0) > _ABANDONED:
            self._forget(full)


def _piece(
    sftp: paramiko.SFTPClient, file: paramiko.SFTPFile, full: str, start: int
) -> tuple[paramiko.SFTPFile, bytes]:
    """Return what comes next of a file, which is opened again after its connection has ended."""
    if file.sftp is not sftp:
        file = sftp.open(full, "rb")
    file.seek(start)
    return file, bytes(file.read(_BLOCK))


def _is_directory(sftp: paramiko.SFTPClient, full: str) -> bool:
    try:
        return stat.S_ISDIR(sftp.stat(full).st_mode or 0)
    except FileNotFoundError:
        return False


def _opened(file: PoolLink) -> BinaryIO:
    try:
        return file.source.open("rb")
    except OSError as error:
        raise NotFound(f"cannot publish {file.path}: {file.source}: {error.strerror}") from None
