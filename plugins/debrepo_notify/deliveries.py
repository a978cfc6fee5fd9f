"""Deliveries: what targets have yet to be told, and what they could not be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.database import Table, json_table
from debrepo.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from debrepo.database import Transaction

_FIRST_PAUSE = 10  # seconds after the first failure; each later one doubles them
_LONGEST_PAUSE = 3600  # seconds


class Delivery(NamedTuple):
    """An event for one target."""

    id: str  #: the same at each attempt, so that receivers can drop repeats
    target: str
    event: str  #: ``repo.changed``
    name: str  #: of what it happened to: ``repo:web``
    body: str  #: JSON
    created: float  #: in seconds since the epoch
    due: float  #: when to try, at the earliest
    failures: int = 0  #: of the target, since this waits for it
    error: str = ""  #: what the last one was

    @property
    def _key(self) -> str:
        # In microseconds: what happened first comes first, though both are tried again together.
        due, created = int(self.due * 1e6), int(self.created * 1e6)
        return f"{self.target}\0{due:020}\0{created:020}\0{self.id}"


#: What waits, by target and by when it is due.
QUEUE = json_table(
    "notify.queue", lambda fields: Delivery(**fields), Delivery._asdict, record=Delivery
)
#: What was tried for as long as it may be.
FAILED = json_table(
    "notify.failed", lambda fields: Delivery(**fields), Delivery._asdict, record=Delivery
)
#: How many are ``queued`` and ``failed``, and how many were ``delivered`` and ``lost`` so far.
COUNTS: Table[str, int] = Table("notify.counts", int, lambda n: b"%d" % n, bytes.decode, str.encode)


def put(txn: Transaction, delivery: Delivery) -> None:
    """Add a delivery to the queue."""
    txn[QUEUE][delivery._key] = delivery  # noqa: SLF001  # of this module
    count(txn, "queued", 1)


def due(txn: Transaction, target: str, now: float, most: int) -> list[Delivery]:
    """Return the deliveries to a target that are due, the first of them first."""
    found: list[Delivery] = []
    for delivery in of_target(txn, target):
        if delivery.due > now or len(found) == most:
            break
        found.append(delivery)
    return found


def of_target(txn: Transaction, target: str) -> Iterator[Delivery]:
    """Yield the deliveries that wait for a target, by when they are due."""
    for _, delivery in txn[QUEUE].prefix(f"{target}\0".encode()):
        yield delivery


def firsts(txn: Transaction) -> Iterator[Delivery]:
    """Yield the first delivery of each target that has any, and read no other."""
    start: str | None = None
    while found := next(txn[QUEUE].range(start), None):
        _, delivery = found
        yield delivery
        start = f"{delivery.target}\1"


def done(txn: Transaction, delivery: Delivery) -> None:
    """Remove what was delivered."""
    if txn[QUEUE].discard(delivery._key):  # noqa: SLF001  # of this module
        count(txn, "queued", -1)
        count(txn, "delivered", 1)


def postpone(
    txn: Transaction, first: Delivery, others: Iterable[Delivery], error: str, now: float, age: int
) -> None:
    """Try later what could not be delivered, and what waits for the same target.

    What has waited for longer than ``age`` seconds has failed.
    """
    failures = first.failures + 1
    again = now + min(_FIRST_PAUSE * 2 ** min(failures - 1, 20), _LONGEST_PAUSE)
    for delivery in (first, *others):
        if now - delivery.created > age:
            fail(txn, delivery, error)
        elif txn[QUEUE].discard(delivery._key):  # noqa: SLF001  # of this module
            later = delivery._replace(due=again, failures=failures, error=error)
            txn[QUEUE][later._key] = later  # noqa: SLF001  # of this module


def fail(txn: Transaction, delivery: Delivery, error: str) -> None:
    """Give up a delivery, and keep it for people to look at."""
    if txn[QUEUE].discard(delivery._key):  # noqa: SLF001  # of this module
        count(txn, "queued", -1)
        _store_failed(txn, delivery._replace(failures=delivery.failures + 1, error=error))


def _store_failed(txn: Transaction, delivery: Delivery) -> None:
    txn[FAILED][f"{int(delivery.created * 1000):016}\0{delivery.id}"] = delivery
    count(txn, "failed", 1)


def expire(txn: Transaction, before: float) -> int:
    """Delete what was queued before a time and has failed; return how many that are."""
    keys = list(txn[FAILED].range_keys(None, f"{int(before * 1000):016}"))
    for key in keys:
        del txn[FAILED][key]
    count(txn, "failed", -len(keys))
    return len(keys)


def all_(txn: Transaction) -> Iterator[tuple[Delivery, bool]]:
    """Yield all deliveries, each with whether it has failed."""
    for delivery in txn[QUEUE].values():
        yield delivery, False
    for delivery in txn[FAILED].values():
        yield delivery, True


def find(txn: Transaction, id_: str) -> tuple[Delivery, bool]:
    """Return the delivery with this id, and whether it has failed."""
    for delivery, failed in all_(txn):
        if delivery.id == id_:
            return delivery, failed
    raise NotFound(f"no delivery has the id {id_[:100]}", hint='run "debrepo notify list"')


def retry(txn: Transaction, delivery: Delivery, now: float) -> None:
    """Queue what has failed, or waits, as if it had just happened."""
    drop(txn, delivery)
    put(txn, delivery._replace(created=now, due=now, failures=0, error=""))


def drop(txn: Transaction, delivery: Delivery) -> None:
    """Remove a delivery, wherever it is."""
    if txn[QUEUE].discard(delivery._key):  # noqa: SLF001  # of this module
        count(txn, "queued", -1)
    if txn[FAILED].discard(f"{int(delivery.created * 1000):016}\0{delivery.id}"):
        count(txn, "failed", -1)


def count(txn: Transaction, what: str, more: int) -> None:
    """Add to a count."""
    txn[COUNTS][what] = txn[COUNTS].get(what, 0) + more
