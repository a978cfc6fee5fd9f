"""Memory: what a server keeps for this API between requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo_gitlab.download_dates import DownloadDates

if TYPE_CHECKING:
    from fastapi import Request

    from debrepo.http import Server


def of(request: Request) -> DownloadDates:
    """Return the dates of downloads that the server of a request has not written yet."""
    state = request.app.state
    server: Server = state.debrepo
    with server.session.opening:
        if not hasattr(state, "gitlab"):
            state.gitlab = DownloadDates()
        found: DownloadDates = state.gitlab
    return found
