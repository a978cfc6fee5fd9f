"""Fencing: storages where work that has lost a lease replaces nothing.

A node that was stopped in the middle of a publish may go on when another node has taken over, and
has published. Before each write that replaces or deletes what clients see, its leases are checked.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.storage import Storage

#: Not those that put what nothing names yet under a name of its own, such as package files.
_REPLACING = (
    "put",
    "put_all",
    "share_all",
    "commit",
    "replace",
    "delete",
    "link_directory",
    "unlink_directory",
)


def guard(storage: Storage, check: Callable[[], None]) -> Storage:
    """Return a storage that calls ``check``, which may raise, before it replaces anything."""
    for name in _REPLACING:
        setattr(storage, name, _checked(getattr(storage, name), check))
    return storage


def _checked(write: Callable[..., Any], check: Callable[[], None]) -> Callable[..., Any]:
    @wraps(write)
    def checked(*args: Any, **kwargs: Any) -> Any:
        check()
        return write(*args, **kwargs)

    return checked
