"""Idle transports: connections that are kept between one client's file and the next."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from debrepo_mirror import access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from debrepo.session import Session
    from debrepo.transport import Transport

_LONGEST = 60.0  # seconds that one is used: a password that has changed is read by then


class _Idle(NamedTuple):
    scheme: str
    credentials: str
    opened: float
    transport: Transport


class IdleTransports:
    """Transports that nobody uses at the moment; threads take one each, and give it back."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = Lock()
        self._idle: list[_Idle] = []

    @contextmanager
    def opened(self, session: Session, root: str, credentials: str) -> Iterator[Transport]:
        """Open a transport for an archive, or take one that was opened for such a one."""
        scheme = root.partition(":")[0]
        one = self._taken(scheme, credentials)
        if one is None:
            transport = session.transport(root, access.options(session, credentials))
            one = _Idle(scheme, credentials, self._clock(), transport)
        try:
            yield one.transport
        except BaseException:
            one.transport.close()
            raise
        self._give(one)

    def _taken(self, scheme: str, credentials: str) -> _Idle | None:
        with self._lock:
            since = self._clock() - _LONGEST
            old = [one for one in self._idle if one.opened < since]
            self._idle = [one for one in self._idle if one.opened >= since]
            found = [one for one in self._idle if one[:2] == (scheme, credentials)]
            if found:
                self._idle.remove(found[-1])
        for one in old:
            one.transport.close()
        return found[-1] if found else None

    def _give(self, one: _Idle) -> None:
        with self._lock:
            self._idle.append(one)
            dropped = self._idle[: -self._most]
            self._idle = self._idle[-self._most :]
        for other in dropped:
            other.transport.close()

    def close(self) -> None:
        """Close all that are idle."""
        with self._lock:
            left, self._idle = self._idle, []
        for one in left:
            one.transport.close()
