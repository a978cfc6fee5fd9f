"""Memory: what a server keeps for this API between requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo_gitlab.download_dates import DownloadDates
from debrepo_gitlab.sorted_lists import SortedLists

if TYPE_CHECKING:
    from fastapi import Request

    from debrepo.http import Server


class Memory(NamedTuple):
    """The dates of downloads that are not written yet, and lists that were asked for."""

    downloads: DownloadDates
    lists: SortedLists


def of(request: Request) -> Memory:
    """Return what the server of a request keeps."""
    state = request.app.state
    server: Server = state.debrepo
    with server.session.opening:
        if not hasattr(state, "gitlab"):
            state.gitlab = Memory(DownloadDates(), SortedLists())
        found: Memory = state.gitlab
    return found
