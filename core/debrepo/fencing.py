"""Fencing: storages where work that has lost a lease replaces nothing.

A node that was stopped in the middle of a publish may go on when another node has taken over, and
has published. Before each write that replaces or deletes what clients see, its leases are checked.
"""

from __future__ import annotations

import os
from functools import wraps
from typing import TYPE_CHECKING, Any

from debrepo.database import bytes_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from debrepo.database import Database, Transaction
    from debrepo.storage import Storage

#: Under ``publisher``: in whose name locks in storages are held, the same for all that share this.
IDENTITY = bytes_table("core.identity")
_PUBLISHER = b"publisher"

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


def guard(storage: Storage, check: Callable[[], None], owner: Callable[[], str]) -> Storage:
    """Return a storage that calls ``check``, which may raise, before it replaces anything.

    Its locks are held for what ``owner`` returns.
    """
    exclusive = storage.exclusive

    def checked(path: str) -> AbstractContextManager[None]:
        check()
        storage.lock_as(owner())
        return exclusive(path)

    for name in _REPLACING:
        setattr(storage, name, _checked(getattr(storage, name), check))
    setattr(storage, "exclusive", checked)  # noqa: B010  # a method
    return storage


def publisher(db: Database) -> str:
    """Return in whose name all that share a database hold locks in storages."""
    with db.glance() as txn:
        found = txn[IDENTITY].get(_PUBLISHER)
    return (found or db.update(_named)).decode()


def _named(txn: Transaction) -> bytes:
    return txn[IDENTITY].setdefault(_PUBLISHER, os.urandom(16).hex().encode())


def _checked(write: Callable[..., Any], check: Callable[[], None]) -> Callable[..., Any]:
    @wraps(write)
    def checked(*args: Any, **kwargs: Any) -> Any:
        check()
        return write(*args, **kwargs)

    return checked
