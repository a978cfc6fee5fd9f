"""Rates: how often clients may ask, counted by all servers of a database together."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.database import json_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.database import Transaction
    from debrepo_server.node import ServerNode

_CLIENTS = 10_000  # remembered at a time
_SWEPT_EVERY = 60.0  # seconds


class Bucket(NamedTuple):
    """What a client had left at a moment in Unix time."""

    left: float
    at: float


def _load(fields: dict[str, Any]) -> Bucket:
    return Bucket(float(fields["left"]), float(fields["at"]))


#: ``wrong NUL 192.0.2.1``, a kind of rate and a client, to what it has left of it.
RATES = json_table("server.rates", load=_load, dump=Bucket._asdict, record=Bucket)


class Rates:
    """A token bucket for each client: a burst, and then a rate per second.

    Where there are other servers, each stores once a second what clients have used, and reads
    what is left: so a client can use more than its rate only by what it asks of several servers
    within a second or two, and has to make up for that.
    """

    def __init__(
        self,
        name: str,
        per_second: float,
        at_once: float,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._per_second = per_second
        self._at_once = max(1.0, at_once)
        self._now = now
        self._monotonic = monotonic
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._used: dict[str, int] | None = None  # since the last beat; None: nobody needs it
        self._telling: dict[str, int] = {}
        self._stored: dict[str, Bucket] = {}
        self._swept = 0.0
        self._lock = Lock()

    def take(self, who: str) -> None:
        """Count one request; raise a 429 when the client exceeds its rate."""
        if not self._per_second:
            return
        now = self._monotonic()
        with self._lock:
            left, since = self._left.pop(who, (self._at_once, now))
            left = min(self._at_once, left + (now - since) * self._per_second)
            enough = left >= 1.0
            self._left[who] = (left - 1.0 if enough else left, now)
            if enough and self._used is not None:
                self._used[who] = self._used.get(who, 0) + 1
            if len(self._left) > _CLIENTS:
                self._left.popitem(last=False)
        if not enough:
            from starlette.exceptions import HTTPException  # not there without the extra

            wait = max(1, round((1.0 - left) / self._per_second))
            raise HTTPException(429, "too many requests", {"Retry-After": str(wait)})

    def news(self, *, company: bool) -> Callable[[Transaction], None] | None:
        """Return what stores how much clients have used, if there is ``company`` to know it."""
        with self._lock:
            self._telling = self._used or {}
            self._used = {} if company and self._per_second else None
        return self._write if self._telling else None

    def _write(self, txn: Transaction) -> None:
        now = self._now()
        self._stored = {}
        for who, used in self._telling.items():
            row = txn[RATES].get(self._key(who))
            left, at = (self._at_once, now) if row is None else self._refilled(row, now)
            # What it used beyond its rate is owed, up to as much as a burst.
            bucket = Bucket(max(left - used, -self._at_once), at)
            self._stored[who] = txn[RATES][self._key(who)] = bucket
        if now - self._swept > _SWEPT_EVERY:
            self._swept = now
            for key, row in list(txn[RATES].prefix(self._key("").encode())):
                if self._refilled(row, now)[0] >= self._at_once:  # as if it were not known
                    del txn[RATES][key]

    def _refilled(self, row: Bucket, now: float) -> tuple[float, float]:
        """Return what a client has left now, and when that is: clocks of servers may differ."""
        at = max(now, row.at)
        return min(self._at_once, row.left + (at - row.at) * self._per_second), at

    def told(self) -> None:
        """Take what is left for all servers as what is left here."""
        now = self._monotonic()
        with self._lock:
            for who, bucket in self._stored.items():
                self._left[who] = (bucket.left - (self._used or {}).get(who, 0), now)
            self._stored = {}

    def _key(self, who: str) -> str:
        return f"{self._name}\0{who}"


class RateSharing:
    """The rates of one server, as a part of its beat."""

    def __init__(self, rates: tuple[Rates, ...], node: ServerNode) -> None:
        self._rates = rates
        self._node = node

    def news(self) -> Callable[[Transaction], None] | None:
        """Return what stores how much clients have used."""
        company = self._node.has_company()
        found = [news for one in self._rates if (news := one.news(company=company))]

        def write(txn: Transaction) -> None:
            for news in found:
                news(txn)

        return write if found else None

    def told(self) -> None:
        """Note that it is stored."""
        for one in self._rates:
            one.told()

    def hear(self) -> None:
        """Do nothing: what others have stored is read when there is something to tell."""
