"""Load: what the requests and tasks of a server leave to its background jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from debrepo_server.metrics import RequestCounts
    from debrepo_server.runner import Runner


class ServerLoad(NamedTuple):
    """The requests and tasks of one server; see `debrepo.background.Load`."""

    requests: RequestCounts
    runner: Runner

    def is_idle(self) -> bool:
        """Return whether no request is being answered, and nothing is being changed."""
        return not self.requests.in_flight and not self.runner.has_work()

    def has_work(self) -> bool:
        """Return whether a task that changes something waits or runs."""
        return self.runner.has_work()
