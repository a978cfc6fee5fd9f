"""Idle time: while a server has no work, packages are read deep."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from subprocess import PIPE, Popen, TimeoutExpired
from typing import TYPE_CHECKING

from debrepo import catalog, verdicts
from debrepo.ingest import configured_depth
from debrepo.stopping import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.background import Load
    from debrepo.package import Entry
    from debrepo.session import Session

_LOOK = 0.1  # seconds between two looks at whether it still is
_SHARE = 100  # one part of so many goes into looking, at most, while others write all the time
_PATIENCE = 5.0  # seconds for what was read to be recorded


class IdleTime:
    """What a server does for later publishes, while it has nothing else to do.

    Reading is a process of its own, with low priority, because a thread would hold up requests
    whenever it holds the interpreter. Requests go before it; it ends when a task that changes
    something comes.
    """

    def __init__(self, session: Session, load: Load) -> None:
        self._session = session
        self._load = load
        self._seen: int | None = None  # the state of the database in which nothing was left
        self._next = 0.0  # when to go through the catalog again
        self._given_up: set[Entry] = set()  # what cannot be read

    def use(self) -> None:
        """Read packages, if the server is idle and packages are to be read then."""
        when = configured_depth(self._session.config)
        if when in {"auto", "idle"} and self._load.is_idle() and (entries := self._unread()):
            self._read(entries)

    def _unread(self) -> list[Entry]:
        """Return the packages to read; at once, while nothing has changed."""
        state = self._session.db.serial()
        begun = time.monotonic()
        if state is None or state == self._seen or begun < self._next:
            return []
        with self._session.db.read() as txn:
            unread = verdicts.unread(self._session.config, txn, catalog.find(txn))
        self._next = begun + _SHARE * (time.monotonic() - begun)
        self._given_up.intersection_update(unread)
        left = [entry for entry in unread if entry not in self._given_up]
        self._seen = None if left else state
        return left

    def _read(self, entries: list[Entry]) -> None:
        """Let the process run to its end, or until there is other work."""
        config = self._session.config_path
        words = [os.fspath(self._session.root), *([os.fspath(config)] if config else [])]
        watch = current()
        command = [sys.executable, "-m", "debrepo_server.reading", *words]
        with Popen(command, stdin=PIPE) as process:
            while not _has_ended(process):
                if self._load.has_work() or (watch is not None and watch.stopped):
                    _end(process)
                    return
        with self._session.db.read() as txn:
            self._given_up.update(verdicts.unread(self._session.config, txn, entries))


def in_idle_time(session: Session, load: Load) -> Callable[[], None]:
    """Return the background job."""
    return IdleTime(session, load).use


def _has_ended(process: Popen[bytes]) -> bool:
    with suppress(TimeoutExpired):
        process.wait(_LOOK)
    return process.returncode is not None


def _end(process: Popen[bytes]) -> None:
    """Tell the process to end; it may be killed at any time, but what it has read is of use."""
    assert process.stdin is not None
    process.stdin.close()
    with suppress(TimeoutExpired):
        process.wait(_PATIENCE)
    process.kill()
