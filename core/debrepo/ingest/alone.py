"""Alone: packages that take much memory to read are read one at a time.

Threads read several packages at once, and each may need all the memory that is allowed. So they
read within modest limits first, which nearly every package is; one that is not is read again.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from debrepo.errors import InvalidPackage

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.archive import Limits

T = TypeVar("T")

_turn = Lock()


def if_large(allowed: Limits, read: Callable[[Limits], T]) -> T:
    """Return what ``read`` makes of a package within ``allowed``, and let large ones take turns."""
    try:
        return read(allowed.modest())
    except InvalidPackage as error:
        if not allowed.short_of(error):
            raise
    with _turn:
        return read(allowed)
