"""Files: those of a foreign package, taken into the pool once they are what is recorded of them."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Literal, get_args

from debrepo.archive import Digests, verified
from debrepo.archive.stream import blocks
from debrepo.errors import InvalidInput, NotFound, VerificationFailed

if TYPE_CHECKING:
    from typing import BinaryIO

    from debrepo.package import PackageFile
    from debrepo.pool import Pool

#: How files get into the pool. A copy shares its blocks where the file system can; with
#: ``reflink`` it has to. With ``link`` both pools have the same file.
Way = Literal["copy", "reflink", "link"]


def check_way(way: str) -> None:
    """Raise `InvalidInput` for what is none of `Way`."""
    if way not in get_args(Way):
        raise InvalidInput(f"files cannot come by {way[:40]!r}", hint="copy, reflink or link")


def here(pool: Pool, file: PackageFile) -> bool:
    """Return whether the pool has a file already, and keep it there."""
    return bool(file.sha256) and pool.reserve(file.sha256) and pool.size(file.sha256) == file.size


def take(pool: Pool, file: PackageFile, path: str, way: Way) -> PackageFile:
    """Take a file into the pool; return it with all digests.

    Raise `NotFound` if it is not at ``path``, and `VerificationFailed` if it cannot be read, or is
    not what ``file`` says.
    """
    if not path:
        raise NotFound(f"no file {file.name} is known")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"{file.name} is not there: {shown(path)}") from None
    except (OSError, ValueError) as error:
        raise VerificationFailed(f"{shown(path)} cannot be opened: {error}") from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise VerificationFailed(f"{shown(path)} is not a file")
        if status.st_size != file.size:
            raise VerificationFailed(
                f"{shown(path)} has {status.st_size} bytes, expected {file.size}"
            )
        with open(fd, "rb", buffering=0, closefd=False) as source:
            return _taken(pool, file, source, way)
    except OSError as error:  # that the pool cannot be written is another error
        raise VerificationFailed(f"{shown(path)} cannot be read: {error.strerror}") from None
    finally:
        os.close(fd)


def _taken(pool: Pool, file: PackageFile, source: BinaryIO, way: Way) -> PackageFile:
    digests = Digests()
    readable = os.fstat(source.fileno()).st_mode & 0o444 == 0o444
    if way == "link" and readable:  # one that a web server could not read is copied
        for _ in digests.through(blocks(source)):
            pass
        found = verified(file, digests)
        pool.link(found.sha256, source.fileno())
        return found
    with pool.stage(source, shared=way == "reflink") as staged:
        for _ in digests.through(staged):
            pass
        found = verified(file, digests)
        staged.place(found.sha256)
    return found


def shown(path: str) -> str:
    """Return a path as a message can have it."""
    return os.fsencode(path).decode(errors="backslashreplace")
