"""Shutdown: the server exits within its grace time, whatever it is doing."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("debrepo.server")


class Shutdown:
    """The steps from the first signal to the exit of the process.

    For half of the grace time, running work may finish; then ``halt`` cancels it. When the
    time is over, or at a second signal, the process exits at once. Everything acknowledged is
    on disk by then, and the next server resumes the rest.
    """

    def __init__(
        self, grace: float, halt: Callable[[], list[str]], clean: Callable[[], None]
    ) -> None:
        self._grace = grace
        self._halt = halt
        self._clean = clean
        self._begun = False

    def begin(self) -> None:
        """Handle a signal: the first starts the shutdown, the next one exits at once."""
        # Not in the signal handler: the code that it interrupted may hold a lock.
        act = self._at_once if self._begun else self._in_time
        self._begun = True
        threading.Thread(target=act, name="ending", daemon=True).start()

    def _in_time(self) -> None:
        over = threading.Event()
        over.wait(self._grace / 2)
        running = self._halt()
        if running:
            _log.warning("the server is stopping: cancelling: %s", _shown(running))
        over.wait(self._grace / 2)
        self._end(f"{self._grace} seconds have passed")

    def _at_once(self) -> None:
        self._end("a second signal came")

    def _end(self, why: str) -> None:
        running = self._halt()  # kills child processes, which would outlive this one
        _log.warning("%s: exiting during: %s", why, _shown(running) or "requests")
        with suppress(OSError):
            self._clean()
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(1)


def _shown(names: list[str]) -> str:
    shown = ", ".join(names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown
