"""Dependencies: which of them a command takes along."""

from __future__ import annotations

from debrepo.values import NamedTuple


class Dependencies(NamedTuple):
    """Which dependencies to take along, beyond what packages cannot be installed without."""

    architectures: tuple[str, ...] = ()  #: none: those of the configuration, else of the lists
    follow: tuple[str, ...] = ()  #: some of `debrepo.selection.FOLLOW`
