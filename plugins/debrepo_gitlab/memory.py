"""Memory: what a server keeps for this API between requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo_gitlab.download_dates import DownloadDates
from debrepo_gitlab.inventory import Inventories

if TYPE_CHECKING:
    from fastapi import Request

    from debrepo.http import Server


class Memory(NamedTuple):
    """The packages of projects, and dates of downloads that are not written yet."""

    inventories: Inventories
    downloads: DownloadDates


def of(request: Request) -> Memory:
    """Return the memory of the server of a request."""
    state = request.app.state
    server: Server = state.debrepo
    with server.session.opening:
        if not hasattr(state, "gitlab"):
            state.gitlab = Memory(Inventories(), DownloadDates())
        found: Memory = state.gitlab
    return found
