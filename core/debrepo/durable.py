"""Durable files: small ones, that are there as a whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from debrepo.errors import cannot_write

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file in one step, so that it survives a crash of the machine."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        partial.rename(path)
        sync(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def sync(directory: Path) -> None:
    """Make the names in a directory survive a crash of the machine; raise `OSError`."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
