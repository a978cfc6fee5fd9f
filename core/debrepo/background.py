"""Background: what work that a server does by itself may know of the server's other work."""

from __future__ import annotations

from typing import Protocol


class Load(Protocol):
    """What else a server has to do at this moment."""

    def is_idle(self) -> bool:
        """Return whether no request is being answered, and nothing is being changed."""

    def has_work(self) -> bool:
        """Return whether a task that changes something waits or runs: give way to it."""
