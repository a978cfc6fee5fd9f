"""The pool: package files, stored once, under their SHA-256."""

from __future__ import annotations

import fcntl
import os
import re
import time
from contextlib import ExitStack, contextmanager, suppress
from errno import EACCES, EMLINK, EPERM, EXDEV
from itertools import count
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from debrepo import claims
from debrepo.errors import DatabaseError, InvalidInput, NotFound, cannot_write

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import BinaryIO

_BLOCK = 1 << 18  # bytes of a large file in memory at a time: they stay in the cache of a core
_MODE = 0o644  # a web server will read it
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FICLONE = 0x40049409
_UNLINKABLE = frozenset([EXDEV, EPERM, EMLINK, EACCES])
_UNUSED = 3600  # seconds; what is being read from a slow sender is locked as well


class Pool:
    """A directory of immutable files named by their digest.

    A file is put here *before* the transaction that refers to it, with one `sync` for all
    files of that transaction, and deleted *after* the one that stops. A crash in between
    leaves a file nobody refers to, which cleanup finds; never a reference to a file that is
    not there. After a power failure a file may be short under its name, but only one that
    no transaction refers to: putting it again finds the wrong size, and replaces it.

    Between the two a cleanup may run, to which the file looks like garbage: so put it into
    a pool that `reserving` returns, and nobody deletes it until the block ends.
    """

    def __init__(self, root: Path, claim: claims.Claim | None = None) -> None:
        self.root = root
        self.claim = claim
        self._path = os.fspath(root)
        self._staging = f"{self._path}/staging"
        self._claims = f"{self._path}/claims"
        self._token = os.urandom(6).hex()
        self._numbers = count()
        self._syncing = Lock()
        self._asked = count(1)  # calls of `sync`
        self._begun = 0  # those that came before the last one that has returned had begun

    def location(self, sha256: str) -> str:
        """Return where the file with this digest is, or would be."""
        if not _SHA256.fullmatch(sha256):
            raise InvalidInput(f"not a SHA256 checksum: {sha256[:80]!r}")
        return f"{self._path}/{sha256[:2]}/{sha256[2:]}"

    def path(self, sha256: str) -> Path:
        """Return its location as a `Path`, which costs more to make than to use."""
        return Path(self.location(sha256))

    def open(self, sha256: str) -> BinaryIO:
        """Open a file for reading."""
        try:
            with _reading(self._path):
                return self.path(sha256).open("rb")
        except FileNotFoundError:
            raise _missing(sha256) from None

    def size(self, sha256: str) -> int:
        """Return the size of a file in bytes."""
        try:
            return os.stat(self.location(sha256)).st_size
        except (FileNotFoundError, NotADirectoryError):
            raise _missing(sha256) from None
        except OSError as error:
            raise _unreadable(self._path, error) from error

    def __contains__(self, sha256: str) -> bool:
        return os.path.isfile(self.location(sha256))

    def lacking(self, digests: Iterable[str]) -> list[str]:
        """Return those of some digests, as files have them, whose files are not here."""
        there, start = os.access, self._path
        return [one for one in digests if not there(f"{start}/{one[:2]}/{one[2:]}", os.F_OK)]

    def beginnings(self) -> frozenset[str]:
        """Return what the digests of all files here begin with: there are 256, or fewer."""
        return frozenset(start for start in _listing(self._path) if len(start) == 2)

    def __iter__(self) -> Iterator[str]:
        """Yield all digests, in order."""
        for start in _listing(self._path):
            if len(start) == 2:
                digests = [start + rest for rest in _listing(f"{self._path}/{start}")]
                yield from filter(_SHA256.fullmatch, digests)

    @contextmanager
    def reserving(self) -> Iterator[Pool]:
        """Return the same pool, in which what is put or found stays until the block ends."""
        with ExitStack() as held:
            with _writing(self._path):
                claim = held.enter_context(claims.hold(self._claims))
            yield Pool(self.root, claim)

    @contextmanager
    def reserved(self) -> Iterator[set[str]]:
        """Run the block with what others reserve; until it ends nobody reserves more.

        Keep it short, and ask in it which files transactions name: who reserved one and is
        done has committed before.
        """
        with ExitStack() as held:
            with _writing(self._path):
                found = held.enter_context(claims.standing(self._claims))
            yield found

    def reserve(self, sha256: str) -> bool:
        """Return whether a file is here; a pool that is `reserving` keeps it."""
        self._reserve(sha256)
        return sha256 in self

    def reserve_ahead(self, digests: Collection[str]) -> None:
        """Reserve files that will be put here soon, all at once."""
        if self.claim is not None and digests:
            with _writing(self._path):
                self.claim.add_ahead(digests)

    def _reserve(self, sha256: str) -> None:
        if self.claim is not None:
            try:
                self.claim.add(sha256)
            except OSError as error:
                raise cannot_write(f"the pool, {self._path}", error) from error

    def put(self, sha256: str, data: bytes, *, anew: bool = False) -> bool:
        """Keep ``data``, whose digest is ``sha256``, and return whether it is new here.

        One that is here stays, unless it comes ``anew``: the caller may have found it damaged.
        """
        target = f"{self._path}/{sha256[:2]}/{sha256[2:]}"
        self._reserve(sha256)
        if not anew and _size(target) == len(data):
            return False
        try:
            path, fd = self._create()
            try:
                _write(fd, data)
                os.fchmod(fd, _MODE)
                _rename(path, target)
            except BaseException:
                _unlink(path)
                raise
            finally:
                os.close(fd)
        except OSError as error:
            raise cannot_write(f"the pool, {self._path}", error) from error
        return True

    @contextmanager
    def stage(self, source: BinaryIO, *, shared: bool = False) -> Iterator[StagedFile]:
        """Copy a file that is open for reading while looking at it; see `StagedFile`.

        With ``shared`` nothing is copied: it raises `InvalidInput` unless the blocks can be shared.
        """
        with _writing(self._path):
            path, fd = self._create()
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield StagedFile(self, source, path, fd, shared=shared)
        finally:
            _unlink(path)
            os.close(fd)

    def link(self, sha256: str, fd: int) -> None:
        """Make the file that is open as ``fd`` one of the pool; what changes it changes both.

        Its digest is ``sha256``. Raise `InvalidInput` if the pool is on another file system.
        """
        target = f"{self._path}/{sha256[:2]}/{sha256[2:]}"
        self._reserve(sha256)
        if _size(target) == os.fstat(fd).st_size:
            return
        path = self._free_path()
        try:
            with _writing(self._path):
                os.makedirs(self._staging, exist_ok=True)
                # Only with a directory, which an absolute path ignores, does Python follow links.
                os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd)
                _rename(path, target)
        except DatabaseError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in _UNLINKABLE:
                raise InvalidInput(
                    f"no link into the pool, {self._path}: {error.__cause__.strerror}",
                    hint="both have to be on one file system; copy the files instead",
                ) from None
            raise
        finally:
            _unlink(path)

    def delete(self, sha256: str) -> None:
        """Remove a file; that it is gone already is not an error."""
        with _writing(self._path):
            self.path(sha256).unlink(missing_ok=True)

    def check(self, sha256: str) -> str | None:
        """Say what is wrong with a file, in one line, or return ``None``."""
        from hashlib import sha256 as new_digest  # it loads OpenSSL

        digest = new_digest()
        try:
            with self.open(sha256) as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except NotFound:
            return f"{sha256} is missing"
        except DatabaseError as error:
            return f"{sha256}: {error}"
        except OSError as error:
            return f"{sha256} cannot be read: {error.strerror}"
        if digest.hexdigest() == sha256:
            return None
        return f"{sha256} is damaged: its SHA256 checksum is {digest.hexdigest()}"

    def sync(self) -> None:
        """Return when all that was put survives a power failure; one does for all who wait."""
        number = next(self._asked)
        with self._syncing:
            if self._begun < number:
                begun = next(self._asked)
                self._sync()
                self._begun = begun

    def _sync(self) -> None:
        from ctypes import CDLL, get_errno  # slow to import

        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # nothing was ever put
            return
        try:
            with _writing(self._path):
                libc = CDLL(None, use_errno=True)
                if not hasattr(libc, "syncfs"):
                    os.sync()
                elif libc.syncfs(fd) < 0:
                    raise OSError(get_errno(), os.strerror(get_errno()))
        finally:
            os.close(fd)

    def sweep(self) -> int:
        """Remove what crashed processes left half written, and return how many files."""
        count, before = 0, time.time() - _UNUSED
        for name in _listing(self._staging):
            path = f"{self._staging}/{name}"
            with _writing(self._path), suppress(FileNotFoundError, BlockingIOError):
                fd = os.open(path, os.O_RDONLY)
                try:
                    if os.fstat(fd).st_mtime < before:
                        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        os.unlink(path)
                        count += 1
                finally:
                    os.close(fd)
        return count

    def place(self, path: str, fd: int, sha256: str, *, anew: bool = False) -> bool:
        """Give a staged file its name, unless it is here already; return whether it is new."""
        target = f"{self._path}/{sha256[:2]}/{sha256[2:]}"
        self._reserve(sha256)
        if not anew and _size(target) == os.fstat(fd).st_size:
            return False
        with _writing(self._path):
            os.fchmod(fd, _MODE)
            _rename(path, target)
        return True

    def _free_path(self) -> str:
        return f"{self._staging}/{os.getpid()}-{self._token}-{next(self._numbers)}"

    def _create(self) -> tuple[str, int]:
        path = self._free_path()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            return path, os.open(path, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(self._staging, exist_ok=True)
            return path, os.open(path, flags, 0o600)


class StagedFile:
    """A file on its way into the pool, which is gone afterwards unless it was placed.

    Iterating copies it, and yields what was copied. Where the file system can share
    blocks between files, nothing is copied, and what is read is the copy: so the caller's
    file may change meanwhile, and what was looked at is still what is kept.
    """

    def __init__(
        self, pool: Pool, source: BinaryIO, path: str, fd: int, *, shared: bool = False
    ) -> None:
        self._pool = pool
        self._source = source
        self._path = path
        self._fd = fd
        self._shared = shared

    def __iter__(self) -> Iterator[bytes]:
        if self._clone():
            while block := os.read(self._fd, _BLOCK):
                yield block
            return
        if self._shared:
            raise InvalidInput(
                f"the pool, {self._pool.root}, cannot share the blocks of a file",
                hint="both have to be on one file system that can, such as Btrfs or XFS",
            )
        while block := self._source.read(_BLOCK):
            with _writing(self._pool.root):
                _write(self._fd, block)
            yield block

    def _clone(self) -> bool:
        try:
            fcntl.ioctl(self._fd, _FICLONE, self._source.fileno())
        except OSError:  # another file system, or one that cannot
            return False
        return True

    def place(self, sha256: str, *, anew: bool = False) -> bool:
        """Keep what was copied, as `Pool.put` does; ``sha256`` is its digest."""
        return self._pool.place(self._path, self._fd, sha256, anew=anew)


@contextmanager
def _writing(root: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(f"the pool, {root}", error) from error


@contextmanager
def _reading(root: str | Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise _unreadable(root, error) from error


def _unreadable(root: str | Path, error: OSError) -> DatabaseError:
    return DatabaseError(f"cannot read the pool, {root}: {error.strerror}")


def _missing(sha256: str) -> NotFound:
    return NotFound(f"the pool has no file {sha256}", hint='run "debrepo db check"')


def _listing(directory: str) -> list[str]:
    try:
        with _reading(directory):
            return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # it is not there; or the pool cannot be used, and writing will tell
        return -1


def _write(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])


def _rename(path: str, target: str) -> None:
    try:
        os.rename(path, target)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(path, target)


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
