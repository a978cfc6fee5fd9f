"""The files that are uploaded."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput, NotFound
from debrepo.wire.slices import Slice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.storage import PoolLink

SMALL = 1 << 18  #: bytes of a file that is read at once: to hand out pieces of it takes longer


@contextmanager
def opened(file: PoolLink) -> Iterator[bytes | Slice]:
    """Yield what is to be sent of a file."""
    if file.size > SMALL:
        with Slice(file.source, 0, file.size) as body:
            yield body
    else:
        yield read(file)


def read(file: PoolLink) -> bytes:
    """Return a file that has the size it should have."""
    try:
        source = os.open(file.location, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(source, file.size + 1)
        finally:
            os.close(source)
    except OSError as error:
        raise _cannot(file, error) from None
    if len(data) != file.size:
        check_size(file)
    return data


def check_size(file: PoolLink) -> None:
    """Raise unless a file is there and has the size it should have."""
    try:
        size = os.stat(file.location).st_size
    except OSError as error:
        raise _cannot(file, error) from None
    if size != file.size:
        raise InvalidInput(f"{file.source} has {size} bytes instead of {file.size}")


def _cannot(file: PoolLink, error: OSError) -> NotFound:
    return NotFound(f"cannot publish {file.path}: {file.source}: {error.strerror}")
