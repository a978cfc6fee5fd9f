"""Memory: what a server keeps for this API between requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo_gitlab.download_dates import DownloadDates
from debrepo_gitlab.readership import Readership

if TYPE_CHECKING:
    from fastapi import Request

    from debrepo.http import Server


class Memory(NamedTuple):
    """The dates of downloads that are not written yet, and who may read what."""

    downloads: DownloadDates
    readers: Readership


def of(request: Request) -> Memory:
    """Return what the server of a request keeps."""
    state = request.app.state
    server: Server = state.debrepo
    with server.session.opening:
        if not hasattr(state, "gitlab"):
            state.gitlab = Memory(DownloadDates(), Readership())
        found: Memory = state.gitlab
    return found
