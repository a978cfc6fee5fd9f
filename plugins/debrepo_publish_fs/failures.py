"""Errors of the file system, as errors of debrepo."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from debrepo.errors import DatabaseFull, DebrepoError, InvalidInput, NotFound, RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER_ERRORS = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ELOOP}
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Translate errors of the operating system within the block; they name ``path``."""
    try:
        yield
    except OSError as error:
        raise translation(path, error) from error


def translation(path: str, error: OSError) -> DebrepoError:
    """Return what stands for an error of the operating system, and names ``path``."""
    if isinstance(error, FileNotFoundError):
        return NotFound(f"cannot publish {path}: there is no {error.filename}")
    where = error.filename2 or error.filename or path
    if error.errno in FULL:
        return DatabaseFull(
            f"cannot publish {path}: {error.strerror}",
            hint="free some space where that is published, and try again",
        )
    kind = InvalidInput if error.errno in _USER_ERRORS else RemoteError
    return kind(f"cannot publish {path}: {where}: {error.strerror}")
