"""Reading: how long what clients ask for may take where it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.stopping import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.config import Config
    from debrepo.deeds import Deed


def begin(config: Config, check: Callable[[Deed], None], deed: Deed) -> None:
    """Ask ``check`` about an operation, then tell the watch over the request what it does."""
    check(deed)
    watch = current()
    if watch is None:
        return
    operation = deed.operation
    if operation.changes:
        watch.changes = True
    elif not operation.long:  # what reads every file takes its time, and can be cancelled
        seconds = config["server.read_seconds"]
        if seconds:
            watch.allow(
                seconds,
                f"this takes more than {seconds} seconds",
                "ask for less at a time; the setting server.read_seconds sets the limit",
            )
