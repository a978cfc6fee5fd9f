"""Places: one publisher at a time, with one lease and one connection to the storage."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing, contextmanager
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput
from debrepo.refs import claimed
from debrepo_publish.model.publication import split_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.leases import Lease
    from debrepo.session import Session
    from debrepo.storage import Storage


def hold(
    session: Session, place: str, *, wait: float | None = None
) -> AbstractContextManager[Lease]:
    """Take the lease that every change of a place needs; tell the user who holds it until then."""
    return session.leases.hold(
        _lease_name(place),
        wait=wait,
        note=lambda lease: session.progress.note(f"Waiting for {lease}."),
    )


@contextmanager
def opened(
    session: Session, place: str, *, wait: float | None = None, writes: bool = True
) -> Iterator[Storage]:
    """Hold the lease on a place, and open its storage; raise if it ``writes`` and must not."""
    if writes:
        session.check_thawed()
    with hold(session, place, wait=wait), closing(open_storage(session, place)) as storage:
        yield storage


def open_storage(session: Session, place: str) -> Storage:
    """Open the storage of a place."""
    storage, prefix = split_place(place)
    scheme = storage.partition(":")[0]
    known = claimed(session.hook.debrepo_storages, "storage scheme")
    if scheme and scheme not in known:
        raise InvalidInput(
            f"no storage scheme called {scheme!r}",
            hint=f"there are: {', '.join(sorted(known))};"
            f" a prefix that has colons is spelt ':{place}' in the default storage",
        )
    names = session.config.names(f"storage.{scheme}") if storage == scheme else ()
    if prefix in names and "default" not in names:
        raise InvalidInput(
            f"{place} is a storage without a prefix", hint=f"the root of that storage is {place}:."
        )
    return session.storage(storage)


def is_held(session: Session, place: str) -> bool:
    """Return whether a process holds the lease on a place."""
    return any(lease.what == _lease_name(place) for lease in session.leases.held())


def _lease_name(place: str) -> str:
    return f"publish {place}"
