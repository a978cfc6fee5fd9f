"""What can be done with notifications."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import InvalidInput, RemoteError
from debrepo_notify import deliveries, delivering, events, sending, targets
from debrepo_notify.deliveries import Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo_notify.delivering import Delivered


class ShownDelivery(NamedTuple):
    """A delivery, and whether it was given up."""

    delivery: Delivery
    failed: bool


def list_(session: Session, *, target: str = "", failed: bool = False) -> list[ShownDelivery]:
    """Return the deliveries to a target, or to all; with ``failed``, only those given up."""
    with session.db.read() as txn:
        return [
            ShownDelivery(delivery, lost)
            for delivery, lost in deliveries.all_(txn)
            if target in ("", delivery.target) and (lost or not failed)
        ]


def show(session: Session, id: str) -> ShownDelivery:  # noqa: A002  # users know it as that
    """Return the delivery with this id, and its body."""
    with session.db.read() as txn:
        return ShownDelivery(*deliveries.find(txn, id))


def retry(session: Session, ids: Sequence[str] = (), *, everything: bool = False) -> int:
    """Queue failed deliveries again, those with these ids or all; return how many."""
    now = time.time()
    with session.db.write() as txn:
        chosen = _chosen(txn, ids, everything=everything, failed=True)
        for delivery in chosen:
            deliveries.retry(txn, delivery, now)
    return len(chosen)


def drop(
    session: Session, ids: Sequence[str] = (), *, everything: bool = False, failed: bool = False
) -> int:
    """Remove deliveries: those with these ids, all that ``failed``, or all; return how many."""
    with session.db.write() as txn:
        chosen = _chosen(txn, ids, everything=everything or failed, failed=failed)
        for delivery in chosen:
            deliveries.drop(txn, delivery)
    return len(chosen)


def _chosen(
    txn: Transaction, ids: Sequence[str], *, everything: bool, failed: bool
) -> list[Delivery]:
    if everything == bool(ids):
        raise InvalidInput(
            "name either deliveries or all of them", hint='run "debrepo notify list"'
        )
    if everything:
        return [delivery for delivery, lost in deliveries.all_(txn) if lost or not failed]
    return [deliveries.find(txn, id_)[0] for id_ in dict.fromkeys(ids)]


def test(session: Session, target: str) -> str:
    """Send an event ``notify.test`` to a target, and return its id; nothing is queued.

    Raise `RemoteError` if it is not delivered.
    """
    found = targets.get(session.config, target)
    now = time.time()
    text = events.body(session, "notify.test", {"kind": "notify", "name": target}, now)
    delivery = Delivery(events.new_id(), target, "notify.test", f"notify:{target}", text, now, now)
    adapted = delivering.adapted(session, delivery)
    result = sending.send(found, adapted, session.root, int(now))
    if result.error:
        raise RemoteError(f"{target} was not notified: {result.error}")
    return delivery.id


def deliver(session: Session) -> Delivered:
    """Deliver what is due; a target that fails is left alone until the next time."""
    return delivering.deliver(session)
