"""What the aptly plugin brings: the routes of aptly's REST API, and its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import Command, Ref, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.metrics import Metric, Requests


@hookimpl
def debrepo_commands() -> list[Command]:
    summary = "Run a command line of aptly's: alias aptly='debrepo aptly'."
    return [Command("aptly", "debrepo_aptly.cli:aptly", summary)]


@hookimpl
def debrepo_routes() -> list[Ref]:
    return [
        Ref("debrepo_aptly.repositories:routes", "Local repositories."),
        Ref("debrepo_aptly.uploads:routes", "Uploaded packages, on their way into repositories."),
        Ref("debrepo_aptly.mirrors:routes", "Mirrors."),
        Ref("debrepo_aptly.snapshots:routes", "Snapshots."),
        Ref("debrepo_aptly.derivation:routes", "Snapshots out of others."),
        Ref("debrepo_aptly.sources:routes", "What publications will be made of."),
        Ref("debrepo_aptly.care:routes", "Verifying, repairing and rolling back publications."),
        Ref("debrepo_aptly.publications:routes", "Publications."),
        Ref("debrepo_aptly.packages:routes", "All packages."),
        Ref("debrepo_aptly.database:routes", "The installation as a whole."),
        Ref("debrepo_aptly.keys:routes", "Trusted keys."),
        Ref("debrepo_aptly.graph:routes", "The graph."),
    ]


@hookimpl
def debrepo_metrics(requests: Requests) -> Iterable[Metric]:
    from debrepo_aptly.metrics import of_requests

    return of_requests(requests)
