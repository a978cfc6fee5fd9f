"""The database of aptly: read from a copy of its files, while aptly uses them.

A LevelDB consists of tables, which never change, and a log and a manifest, which grow. A copy is
whole if the manifest did not change while the rest was copied: until it says so, nothing that it
names is deleted.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from debrepo.errors import Conflict, DatabaseError, InvalidInput, NotFound, PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ATTEMPTS = 20  # at a copy, while aptly rewrites its database again and again
_TABLES = (".ldb", ".sst")


class Records(Protocol):
    """The records of one moment, in the order of their keys."""

    def get(self, key: bytes) -> bytes | None:
        """Return a record."""

    def below(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the records whose keys begin with ``prefix``."""


class LevelRecords:
    """The records of a LevelDB that nobody else has open."""

    def __init__(self, database: Any) -> None:
        self._database = database

    def get(self, key: bytes) -> bytes | None:
        with _readable():
            found: bytes | None = self._database.get(key, verify_checksums=True)
            return found

    def below(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        with _readable():
            yield from self._database.iterator(prefix=prefix, verify_checksums=True)


@contextmanager
def opened(path: Path, work: Path, *, recover: bool = False) -> Iterator[LevelRecords]:
    """Open a copy, below the directory ``work``, of the LevelDB at ``path``.

    With ``recover``, the copy is repaired first: what cannot be read of it is left out.
    """
    plyvel = library()
    if not (path / "CURRENT").is_file():
        raise NotFound(
            f"{path.parent} has no database of aptly",
            hint="name the directory that aptly's configuration calls rootDir",
        )
    copy = work / "db"
    _copy(path, copy)
    try:
        if recover:
            plyvel.repair_db(str(copy))
        database = plyvel.DB(str(copy), create_if_missing=False, paranoid_checks=True)
    except (plyvel.Error, OSError) as error:
        raise _damaged(error) from None
    try:
        yield LevelRecords(database)
    finally:
        database.close()
        shutil.rmtree(copy, ignore_errors=True)


def library() -> Any:
    """Return the library that reads a LevelDB: plyvel, under either of its names."""
    try:
        import plyvel
    except ImportError:
        try:
            import plyvel_next as plyvel
        except ImportError as error:
            raise PluginError(
                f"reading a LevelDB needs a library: {error}",
                hint="run \"pip install 'debrepo-manager[import]'\"",
            ) from None
    return plyvel


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except library().Error as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> DatabaseError:
    return DatabaseError(
        f"the database of aptly is damaged: {error}",
        hint="use --recover to bring what can be read, or run aptly db recover",
    )


def _copy(path: Path, copy: Path) -> None:
    for _ in range(_ATTEMPTS):
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(parents=True)
        before = _manifest(path)
        try:
            for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
                if entry.is_file() and entry.name != "LOCK":
                    _copy_file(entry, copy / entry.name)
        except FileNotFoundError:  # a table that was merged into another one
            continue
        except OSError as error:
            raise InvalidInput(
                f"cannot read the database of aptly: {error.filename}: {error.strerror}",
                hint="run the import as the user who runs aptly, or as root",
            ) from None
        if _manifest(path) == before:
            return
    raise Conflict(
        f"the database {path} changes all the time", hint="run the import when aptly does less"
    )


def _copy_file(entry: os.DirEntry[str], target: Path) -> None:
    if entry.name.endswith(_TABLES):
        with suppress(OSError):  # on another file system, or of another user
            os.link(entry.path, target)
            return
    shutil.copyfile(entry.path, target)


def _manifest(path: Path) -> tuple[str, bytes]:
    """Return what says which files the database consists of."""
    for _ in range(_ATTEMPTS):
        try:
            current = (path / "CURRENT").read_text(errors="replace").strip()
            return current, (path / Path(current).name).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            continue
        except OSError as error:
            raise InvalidInput(
                f"cannot read the database of aptly: {error.filename}: {error.strerror}",
                hint="run the import as the user who runs aptly, or as root",
            ) from None
    raise DatabaseError(
        f"the database {path} has no manifest",
        hint="use --recover to bring what can be read, or run aptly db recover",
    )
