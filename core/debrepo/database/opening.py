"""Opening the LMDB environment, whatever state its directory is in."""

from __future__ import annotations

import os
from contextlib import suppress
from errno import EDQUOT, ENOSPC
from typing import TYPE_CHECKING, Any

import lmdb

from debrepo.database.failures import damaged, explain
from debrepo.database.filesystem import address_space_left, refuse_network
from debrepo.database.formats import for_new, unreadable
from debrepo.errors import DatabaseBusy, DatabaseError, DatabaseFull
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_SMALLEST_MAP = 1 << 20
_LOCK_BYTES = 1 << 16
_READERS = 1022  # as many as fit into so large a lock file

# Walks every page that is in use; run in a process of its own, which a missing one kills.
_WALK = """
import lmdb, sys
with open("/dev/null", "wb") as sink:
    lmdb.open(sys.argv[1], readonly=True, max_dbs=0).copyfd(sink.fileno(), compact=True)
"""


class Opened(NamedTuple):
    """An LMDB environment, why it is not written to, and whether its readers take locks."""

    env: Any
    read_only: str  #: empty when it may be written to
    locked: bool


def open_environment(path: Path, map_size: int, *, read_only: bool) -> Opened:
    """Open the environment in the directory ``path``, and create it where there is none.

    Where nothing can be written (no permission, a read-only file system, no space for the
    lock file), it opens for reading.
    """
    try:
        return _open_whatever_it_is(path, map_size, read_only=read_only)
    except OSError as error:
        kind = DatabaseFull if _is_full(error) else DatabaseError
        raise kind(f"cannot open the database in {path}: {error.strerror}") from error


def _open_whatever_it_is(path: Path, map_size: int, *, read_only: bool) -> Opened:
    data = path / "data.mdb"
    if read_only and not data.exists():
        raise DatabaseError(f"there is no database in {path}")
    _make_directory(path)
    refuse_network(path)
    new = not data.exists()
    lock_failure = _make_lock_file(path)
    why = "it was opened for reading" if read_only else _why_read_only(path, lock_failure)
    if new and why:
        kind = DatabaseFull if _is_full(lock_failure) else DatabaseError
        raise kind(f"cannot create a database in {path}: {why}")
    locked = lock_failure is None
    if not locked:
        refuse_in_use(path)
    if new:
        _make_data_file(path)
    env = _open(path, map_size, readonly=bool(why), lock=locked)
    try:
        _check_whole(env, path)
        if locked:
            env.reader_check()
        if new:
            _make_durable(path)
    except BaseException:
        env.close()
        raise
    return Opened(env, why, locked)


def refuse_in_use(path: Path) -> None:
    """Raise `DatabaseBusy` while any other process has the database open.

    This is for readers that cannot take locks: a writer would not know of them, and would
    write over what they read.
    """
    from fcntl import F_GETLK, F_UNLCK, F_WRLCK, fcntl
    from struct import pack, unpack_from

    try:
        lock = os.open(path / "lock.mdb", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:  # every process that has the environment open keeps a lock on the first byte
        answer = fcntl(lock, F_GETLK, pack("hhqqi", F_WRLCK, os.SEEK_SET, 0, 1, 0))
    finally:
        os.close(lock)
    if unpack_from("h", answer)[0] != F_UNLCK:
        raise DatabaseBusy(
            f"the database in {path} is in use, and cannot be read without writing its lock file",
            hint=f"allow this user to write {path / 'lock.mdb'}",
        )


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise DatabaseError(f"{path} cannot be a database: a file is in its way") from None
    except OSError as error:
        kind = DatabaseFull if _is_full(error) else DatabaseError
        raise kind(f"cannot create {path}: {error.strerror}") from error


def _make_lock_file(path: Path) -> OSError | None:
    """Create LMDB's lock file with all its blocks; return why no lock can be taken.

    LMDB would create it with holes, and die of the first one that has to be filled when
    the disk has become full.
    """
    lock = path / "lock.mdb"
    if os.access(lock, os.W_OK):
        return None
    partial = path / f".lock.{os.getpid()}"
    try:
        if lock.exists():
            raise PermissionError(_denied(lock))
        with partial.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _LOCK_BYTES)
        with suppress(FileExistsError):  # somebody else was faster
            os.link(partial, lock)
    except OSError as error:
        return error
    finally:
        with suppress(OSError):
            partial.unlink()
    return None


def _make_data_file(path: Path) -> None:
    """Create LMDB's data file with all that a new one holds.

    LMDB would write two pages into a file that is there already; a process that is killed between
    them leaves one that nobody can open.
    """
    partial = path / f".new.{os.getpid()}"
    partial.mkdir(exist_ok=True)
    data = partial / "data.mdb"
    try:
        data.unlink(missing_ok=True)  # of a process of the same number that was killed
        _open(partial, _SMALLEST_MAP, readonly=False, lock=False).close()
        with suppress(FileExistsError):  # somebody else was faster
            os.link(data, path / "data.mdb")
    finally:
        data.unlink(missing_ok=True)
        with suppress(OSError):
            partial.rmdir()


def _why_read_only(path: Path, lock_failure: OSError | None) -> str:
    """Return why the database cannot be written to, or nothing when it can."""
    data = path / "data.mdb"
    if data.exists() and not os.access(data, os.W_OK):
        return _denied(data)
    if lock_failure is not None:
        return lock_failure.strerror or str(lock_failure)
    return ""


def _denied(file: Path) -> str:
    if os.statvfs(file).f_flag & os.ST_RDONLY:
        return "the file system is read-only"
    return f"there is no permission to write {file}"


def _is_full(error: OSError | None) -> bool:
    return error is not None and error.errno in {ENOSPC, EDQUOT}


def _open(path: Path, map_size: int, *, readonly: bool, lock: bool) -> Any:
    """Open the environment, with a smaller map where this process may not have the whole."""
    size = max(map_size, 1 << 16) & ~0xFFF  # whole pages
    while True:
        try:
            return lmdb.open(
                str(path),
                map_size=size,
                max_dbs=0,
                max_readers=_READERS,
                readonly=readonly,
                lock=lock,
                mode=0o666,  # less what the umask takes away
                **for_new(path),
            )
        except lmdb.MapResizedError:  # it grew between two steps of opening it
            continue
        except lmdb.MemoryError as error:
            size = (size // 2) & ~0xFFF
            while size >= _SMALLEST_MAP and not address_space_left(2 * size):
                size = (size // 2) & ~0xFFF  # as much again is left for everything else
            if size < _SMALLEST_MAP:
                raise DatabaseError(
                    f"the database in {path} does not fit into the address space allowed",
                    hint='raise the limit of this process, which "ulimit -v" shows',
                ) from error
        except lmdb.VersionMismatchError as error:
            raise unreadable(path) or DatabaseError(
                f"the database in {path} was written by another version of LMDB",
                hint='install that version, and run "debrepo db backup DIRECTORY"',
            ) from error
        except lmdb.ReadonlyError as error:
            raise DatabaseError(f"there is no permission to open {path}") from error
        except lmdb.Error as error:
            if "already open" in str(error):
                raise RuntimeError(f"{path} is open in this process; share that Database") from None
            raise unreadable(path) or explain(error, path) from error


def _check_whole(env: Any, path: Path) -> None:
    """Raise `DatabaseError` when the end of the file is missing.

    The map would have nothing behind it there, and reading it would kill the process. The
    file may be short for a good reason: the last pages were given back before they were
    ever written.
    """
    used = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
    if (path / "data.mdb").stat().st_size >= used:
        return
    import subprocess
    import sys

    walk = [sys.executable, "-c", _WALK, str(path)]
    if subprocess.run(walk, capture_output=True, check=False).returncode:
        raise damaged(path, "the end of data.mdb is missing")


def _make_durable(path: Path) -> None:
    """Make a new database survive a crash of the machine, with the directory it is in."""
    fsync(path)
    fsync(path.parent)


def fsync(path: Path) -> None:
    """Make a file, or the names in a directory, survive a crash of the machine."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
