"""Delivering: take what is due from the queue, target by target, each in one process at a time."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import DatabaseBusy, PluginError
from debrepo.stopping import checkpoint
from debrepo_notify import deliveries
from debrepo_notify.sending import Sent, send
from debrepo_notify.targets import configured

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.background import Load
    from debrepo.session import Session
    from debrepo_notify.deliveries import Delivery
    from debrepo_notify.targets import NotifiedTarget

_BATCH = 100  # deliveries to a target before others have their turn
#: Seconds that a command takes at its end; the next one goes on.
AT_THE_END = 30.0


class Delivered(NamedTuple):
    """What came of the deliveries that were due."""

    sent: int
    failed: int  #: that are tried again, or were given up
    busy: tuple[str, ...] = ()  #: targets that another process is delivering to


def deliver(
    session: Session, *, now: Callable[[], float] = time.time, patience: float = float("inf")
) -> Delivered:
    """Deliver what is due; a target that fails is left alone until the next call.

    What is left after ``patience`` seconds waits for the next call, too.

    Each target has one process at a time, which holds a lease on it and no transaction while it
    sends. What was delivered is removed after that: if the process is killed in between, it is
    delivered again, with the same id.
    """
    known = {target.name: target for target in configured(session.config)}
    sent = failed = 0
    left_alone: set[str] = set()
    busy: list[str] = []
    end = now() + patience
    while now() < end:
        with session.whole.db.read() as txn:
            due = [first.target for first in deliveries.firsts(txn) if first.due <= now()]
        names = [name for name in due if name not in left_alone]
        if not names:
            break
        for name in names:
            try:
                with session.leases.hold(f"notify:{name}", wait=0):
                    good, bad = _deliver_to(session, name, known.get(name), now, end)
            except DatabaseBusy:
                busy.append(name)
                left_alone.add(name)
                continue
            sent += good
            failed += bad
            if bad:
                left_alone.add(name)
    _expire(session, now())
    return Delivered(sent, failed, tuple(busy))


def _deliver_to(
    session: Session,
    name: str,
    target: NotifiedTarget | None,
    now: Callable[[], float],
    end: float,
) -> tuple[int, int]:
    """Deliver a batch to a target, up to the first that fails; return how many did and did not."""
    with session.whole.db.read() as txn:
        batch = deliveries.due(txn, name, now(), _BATCH)
    for position, delivery in enumerate(batch):
        checkpoint()
        if now() >= end:
            return position, 0
        if target is None:
            result = Sent(f"no target called {name} is configured any more", final=True)
        else:
            result = send(target, adapted(session, delivery), session.root, int(now()))
        if not result.error:
            session.whole.db.update(partial(deliveries.done, delivery=delivery))
            continue
        _record(session, delivery, batch[position + 1 :], result, now())
        return position, 1
    return len(batch), 0


def adapted(session: Session, delivery: Delivery) -> Delivery:
    """Return a delivery with the body that a plugin makes for its target, if one does."""
    text = session.hook.debrepo_notify_body(
        session=session, target=delivery.target, event=delivery.event, body=delivery.body
    )
    return delivery if text is None else delivery._replace(body=text)


def _record(
    session: Session, delivery: Delivery, others: list[Delivery], result: Sent, now: float
) -> None:
    """Record that a delivery failed, and postpone those that wait for the same target."""
    from logging import getLogger

    log = getLogger("debrepo.notify")
    if log.hasHandlers():  # of a server; a command says it otherwise
        said = result.error.encode("unicode_escape").decode()
        event, id_, name = delivery.event, delivery.id, delivery.target
        log.warning("%s %s was not delivered to %s: %s", event, id_, name, said)
    age = session.config["notify.max_age"]
    if result.final:
        session.whole.db.update(lambda txn: deliveries.fail(txn, delivery, result.error))
    else:
        session.whole.db.update(
            lambda txn: deliveries.postpone(txn, delivery, others, result.error, now, age)
        )


def _expire(session: Session, now: float) -> None:
    """Delete what failed so long ago that nobody will look at it."""
    before = now - session.config["notify.keep_failed"]
    with session.whole.db.read() as txn:
        first = txn[deliveries.FAILED].first()
    if first is not None and first[1].created < before:
        session.whole.db.update(lambda txn: deliveries.expire(txn, before))


def in_background(session: Session, _: Load) -> Callable[[], None]:
    """Return what a server does again and again."""

    def once() -> None:
        if session.config["notify.deliver"] != "manual":
            deliver(session)

    return once


def check(session: Session) -> None:
    """Raise `PluginError` if the configuration cannot be meant, before a server counts on it."""
    configured(session.config)
    if session.config["notify.deliver"] not in ("server", "command", "manual"):
        raise PluginError("notify.deliver has to be server, command or manual")
