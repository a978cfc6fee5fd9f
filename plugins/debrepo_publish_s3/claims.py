"""Locks for services without conditional writes: claims that every publisher lists.

Each publisher puts a claim, then lists all claims: of two, at least one sees the other. As
listings may lag behind (those of a busy Swift do), each then writes one common object, and reads
it again after a time in which any other publisher would have overwritten it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo_publish_s3 import listing

if TYPE_CHECKING:
    from debrepo_publish_s3.locks import WantedLock

_SETTLED = 1.0  # seconds; longer than a publisher takes between reading the lock and writing it


def take(wanted: WantedLock) -> bool:
    """Try to take a lock; the objects that this puts stay until `release`."""
    mine = _claim(wanted)
    wanted.write(mine)
    others = {*listing.page(wanted.client, f"{wanted.key}-").objects} - {mine}
    for other in sorted(others):
        found = wanted.look(other)
        if found is None or found.stale:
            others.remove(other)
            wanted.delete(other)
    if others:
        if min(others) < mine:  # one of the two has to give way
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
    """Delete the objects that `take` put."""
    if held:
        wanted.delete(wanted.key)
    wanted.delete(_claim(wanted))


def _claim(wanted: WantedLock) -> str:
    return f"{wanted.key}-{wanted.token}"
