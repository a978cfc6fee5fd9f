"""Idle time: while a server has no work, packages are read deep."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import suppress
from subprocess import PIPE, Popen, TimeoutExpired
from typing import TYPE_CHECKING

from debrepo import catalog, verdicts
from debrepo.errors import DebrepoError
from debrepo.ingest import configured_depth

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.package import Entry
    from debrepo.session import Session

_PAUSE = 2.0  # seconds between two looks at whether the server is idle
_LOOK = 0.1  # seconds between two looks at whether it still is
_SHARE = 100  # one part of so many goes into looking, at most, while others write all the time
_PATIENCE = 5.0  # seconds for what was read to be recorded

_log = logging.getLogger("debrepo.idle")


class IdleTime:
    """What a server does for later publishes, while ``idle`` says that it has nothing else to do.

    Reading is a process of its own, with low priority, because a thread would hold up requests
    whenever it holds the interpreter. Requests go before it; it ends
    when it is ``interrupted``.
    """

    def __init__(
        self,
        session: Session,
        *,
        idle: Callable[[], bool],
        interrupted: Callable[[], bool],
        pause: float = _PAUSE,
    ) -> None:
        self._session = session
        self._idle = idle
        self._interrupted = interrupted
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="idle", daemon=True)
        self._seen: int | None = None  # the state of the database in which nothing was left
        self._next = 0.0  # when to go through the catalog again
        self._given_up: set[Entry] = set()  # what cannot be read

    def start(self) -> None:
        """Begin to look for idle time, if packages are to be read in it."""
        if configured_depth(self._session.config) in {"auto", "idle"}:
            self._thread.start()

    def stop(self) -> None:
        """End reading; what was read is kept."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._pause):
            try:
                if self._idle() and (entries := self._unread()):
                    self._read(entries)
            except (DebrepoError, OSError) as error:
                _log.warning("cannot read packages while idle: %s", error)

    def _unread(self) -> list[Entry]:
        """Return the packages to read; at once, while nothing has changed."""
        state = self._session.db.serial()
        begun = time.monotonic()
        if state is None or state == self._seen or begun < self._next:
            return []
        with self._session.db.read() as txn:
            unread = verdicts.unread(self._session.config, txn, catalog.find(txn))
        self._next = begun + _SHARE * (time.monotonic() - begun)
        left = [entry for entry in unread if entry not in self._given_up]
        self._seen = None if left else state
        return left

    def _read(self, entries: list[Entry]) -> None:
        """Let the process run to its end, or until there is other work."""
        config = self._session.config_path
        words = [os.fspath(self._session.root), *([os.fspath(config)] if config else [])]
        command = [sys.executable, "-m", "debrepo_server.reading", *words]
        with Popen(command, stdin=PIPE) as process:
            while process.poll() is None:
                if self._interrupted() or self._over.wait(_LOOK):
                    _end(process)
                    return
        with self._session.db.read() as txn:
            self._given_up = set(verdicts.unread(self._session.config, txn, entries))


def _end(process: Popen[bytes]) -> None:
    """Tell the process to end; it may be killed at any time, but what it has read is of use."""
    assert process.stdin is not None
    process.stdin.close()
    with suppress(TimeoutExpired):
        process.wait(_PATIENCE)
    process.kill()
