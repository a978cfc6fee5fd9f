"""Locks where no write has conditions: who is alone with a claim, and stays it, has the lock.

Everybody puts a claim of its own and lists all of them: of two, at least one sees the other.
As listings may come late (Swift's do when it is busy), a second look follows, at one object that
everybody writes, after a time in which the others would have overwritten it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from debrepo_publish_s3.locks import WantedLock

_SETTLED = 1.0  # seconds, more than between somebody's look at the lock and writing it


def take(wanted: WantedLock) -> bool:
    """Try to take a lock; what has been put for it stays until `release`."""
    mine = _claim(wanted)
    wanted.write(mine)
    page = wanted.client.call("list_objects_v2", Prefix=f"{wanted.key}-")
    others = {found["Key"] for found in page.get("Contents", ())} - {mine}
    for other in sorted(others):
        found = wanted.look(other)
        if found is None or found.stale:
            others.remove(other)
            wanted.delete(other)
    if others:
        if min(others) < mine:  # one of us has to step back
            wanted.delete(mine)
        return False
    return _settle(wanted)


def _settle(wanted: WantedLock) -> bool:
    found = wanted.look(wanted.key)
    if found is not None and found.body != wanted.body and not found.stale:
        wanted.delete(_claim(wanted))
        return False
    wanted.write(wanted.key)
    wanted.client.pause(_SETTLED)
    found = wanted.look(wanted.key)
    return found is not None and found.body == wanted.body


def release(wanted: WantedLock, *, held: bool) -> None:
    """Take back what was put, whether that got the lock or not."""
    if held:
        wanted.delete(wanted.key)
    wanted.delete(_claim(wanted))


def _claim(wanted: WantedLock) -> str:
    return f"{wanted.key}-{wanted.token}"
