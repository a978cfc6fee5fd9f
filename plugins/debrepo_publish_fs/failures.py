"""Errors of the file system, as errors of debrepo."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from debrepo.errors import DatabaseFull, InvalidInput, NotFound, RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER_ERRORS = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ELOOP}
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Translate errors of the operating system within the block; they name ``path``."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"cannot publish {path}: there is no {error.filename}") from error
    except OSError as error:
        where = error.filename2 or error.filename or path
        if error.errno in FULL:
            raise DatabaseFull(
                f"cannot publish {path}: {error.strerror}",
                hint="free some space where that is published, and try again",
            ) from error
        kind = InvalidInput if error.errno in _USER_ERRORS else RemoteError
        raise kind(f"cannot publish {path}: {where}: {error.strerror}") from error
