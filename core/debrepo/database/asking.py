"""Asking: what is fetched ahead from a store far away, and what is kept of its answers."""

from __future__ import annotations

from typing import Any

from debrepo.values import NamedTuple


class Range(NamedTuple):
    """The first entries from ``low`` to before ``high``, or the last ones in reverse order."""

    low: bytes
    high: bytes
    limit: int
    reverse: bool = False
    values: bool = True  #: without it, values may be left empty


class Steady:
    """What one piece of work has seen, which it may go on seeing; a store keeps it in here."""

    def __init__(self, *, lately: bool = False) -> None:
        self.lately = lately  #: whether it begins with what the process has seen a second ago
        self.kept: Any = None
