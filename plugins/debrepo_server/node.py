"""The node: one server among those of its database, its lease, and which others are alive."""

from __future__ import annotations

import logging
import os
import re
import time
from contextlib import ExitStack, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from debrepo.errors import DebrepoError, LeaseLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.session import Session

T = TypeVar("T")

_KIND = "server:"
_LOOKED_AT_EVERY = 5.0  # seconds between two looks whether there are other servers
_log = logging.getLogger("debrepo.server")
_ODD = re.compile(r"[^A-Za-z0-9._-]")


class ServerNode:
    """A server, known to others by a lease that it holds for as long as it lives."""

    def __init__(self, session: Session) -> None:
        self._session = session
        name = session.config["server.node"] or os.uname().nodename
        #: The lease that shows that this server is alive.
        self.server = f"{_KIND}{_ODD.sub('-', name)[:60]}:{uuid4().hex}"
        self._stack = ExitStack()
        self._others = False
        self._next_look = 0.0
        self._context = copy_context()

    @property
    def shared(self) -> bool:
        """Whether servers on other machines may have the database open."""
        return self._session.db.shared

    def start(self) -> None:
        """Be alive for others."""
        self._stack.enter_context(self._session.leases.hold(self.server))
        self._context = copy_context()

    def stop(self) -> None:
        """Leave what has not been done to others."""
        self._stack.close()

    def do(self, work: Callable[[], T]) -> T:
        """Return what work returns; where leases can be lost, it writes nothing after that.

        Others may have said by then that the work has failed, or have done it again.
        """
        return self._context.copy().run(work)

    def renew(self) -> None:
        """Be alive again, if this server was stopped for so long that others took it for dead."""
        try:
            self.do(self._session.leases.check)
        except LeaseLost:
            _log.warning("this server was away for so long that others may have taken its tasks")
            with suppress(DebrepoError):
                self._stack.close()
            self.start()

    def alive(self) -> frozenset[str]:
        """Return the servers that are alive now.

        What a server has stored it has stored while it was alive: so ask this after reading that.
        """
        held = (lease.what for lease in self._session.leases.held())
        return frozenset(what for what in held if what.startswith(_KIND))

    def has_company(self) -> bool:
        """Return whether other servers may have to know what this one does; at once, mostly."""
        if self.shared:
            return True
        now = time.monotonic()
        if now >= self._next_look:
            self._others = len(self.alive()) > 1
            self._next_look = now + _LOOKED_AT_EVERY
        return self._others


def title(server: str) -> str:
    """Return the name of the node of a server, for people; empty in records of older versions."""
    name, colon, _ = server.removeprefix(_KIND).rpartition(":")
    return name if colon else ""
