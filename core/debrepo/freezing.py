"""Freezing: a root whose storages nothing is written to, such as one that was just restored.

What is published there belongs to the root that it was restored from, until somebody says that
this one takes its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import durable
from debrepo.errors import DatabaseBusy, InUse, cannot_write

if TYPE_CHECKING:
    from pathlib import Path
    from typing import NoReturn

    from debrepo.storage import Storage

SETTING = "storages.frozen"
#: The file below a root that a restore has begun to fill, until all is there.
RESTORING = "restoring"
_MARK = "frozen"  # the file below the root that holds the reason
_WRITES = (
    "put",
    "put_all",
    "link",
    "link_all",
    "copy_all",
    "delete",
    "commit",
    "replace",
    "prepared",
    "exclusive",
)


def reason(root: Path, *, configured: bool) -> str:
    """Return why nothing is written to storages, or an empty string where it is."""
    if configured:
        return f"{SETTING} is true"
    try:
        with (root / _MARK).open(encoding="utf-8") as file:
            return file.readline().strip() or "it was frozen"
    except FileNotFoundError:
        return ""
    except OSError as error:  # better not to write than to write to what is served
        return f"{root}/{_MARK} cannot be read: {error.strerror}"


def freeze(root: Path, why: str) -> None:
    """Let nothing be written to storages from now on, durably; ``why`` is one line."""
    durable.write(root / _MARK, f"{why}\n".encode())


def thaw(root: Path) -> bool:
    """Let storages be written to again; return whether they were frozen by a mark."""
    try:
        (root / _MARK).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise cannot_write(root / _MARK, error) from error
    return True


def check_restored(root: Path) -> None:
    """Raise `DatabaseBusy` for a root that is half restored: a new database would be in the way."""
    if (root / RESTORING).exists():
        raise DatabaseBusy(
            f"the root {root} is half restored",
            hint='run the same "debrepo restore FROM" again: it goes on',
        )


def refusal(why: str) -> InUse:
    """Return what to raise instead of writing to a storage."""
    return InUse(f"storages are frozen: {why}", hint='run "debrepo storage thaw"')


def guard(storage: Storage, why: str) -> Storage:
    """Return a storage of which everything can be read, and nothing written."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise refusal(why)

    for name in _WRITES:
        setattr(storage, name, refuse)
    return storage
