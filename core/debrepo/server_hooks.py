"""The hooks of servers: how a plugin takes part in one; see `debrepo.hookspecs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.hookspecs import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from debrepo.database import Transaction
    from debrepo.metrics import Metric, Requests
    from debrepo.permissions import Caller
    from debrepo.refs import BackgroundJob, Ref
    from debrepo.session import Session


@hookspec
def debrepo_routes() -> Iterable[Ref]:
    """Name the routes you bring to the server: ``Ref("debrepo_aptly.repositories:routes")``.

    *Collects*, when a server starts. Each refers to a FastAPI router, best made with
    `debrepo.http.Routes`, whose routes say with `debrepo.http.opens` what they need. Two
    plugins that answer the same requests are an error.
    """


@hookspec(firstresult=True)
def debrepo_authenticate(txn: Transaction, secret: str) -> Caller | None:
    """Return who has the token ``secret``, and the scopes it gives, if you have issued it.

    *Asks*, in a read transaction, when a server gets a token that is not one of its own.
    Return ``None`` as well for one of yours that has expired.
    """


@hookspec
def debrepo_scopes() -> Iterable[str]:
    """Name the scopes that your routes need and no operation has: ``{"mirror:{name}:download"}``.

    *Collects*, when a token is created: a scope that nothing needs is refused as mistyped.
    """


@hookspec
def debrepo_download(txn: Transaction, storage: str, path: str, caller: Caller) -> None:
    """Raise `NotFound` where a file of a published tree is hidden from the caller.

    *Tells*, in a read transaction, before a server sends a file: be quick. ``storage`` is
    empty for the default one, and ``path`` is relative to it.
    """


@hookspec(firstresult=True)
def debrepo_served_path(txn: Transaction, storage: str, path: str) -> str | None:
    """Return under which path a server finds what clients ask for at ``path`` of a published tree.

    *Asks*, in a read transaction, before `debrepo_download` is asked about the path returned: be
    quick. ``storage`` is empty for the default one. ``None``, if all answer so, stands for the path
    itself. Another path has to be below the same prefix: that is what tokens are for.
    """


@hookspec
def debrepo_resume(session: Session) -> None:
    """Finish, or undo, what a process that was killed left half done.

    *Tells*, before a server takes its first request, outside of any transaction. Leave alone
    what another process holds a lease on; what cannot be finished yet is not worth an error.
    """


@hookspec
def debrepo_server_started(session: Session) -> None:
    """Take note that a server begins: look at what you need, and say what is wrong.

    *Tells*, after `debrepo_resume` and before the first request, outside of any transaction:
    raising here is a warning, and the server serves.
    """


@hookspec
def debrepo_background() -> Mapping[str, BackgroundJob]:
    """Name the work that a server does by itself, by job: ``{"notify": BackgroundJob(…)}``.

    *Collects*, when a server starts. Each job has a thread of its own, and ends with the server.
    A job that fails is logged once and tried again, after pauses that grow to five minutes;
    ``/api/metrics`` counts its runs and failures. Two plugins that claim one name are an error.
    """


@hookspec
def debrepo_metrics(session: Session, txn: Transaction, requests: Requests) -> Iterable[Metric]:
    """Return numbers for the monitoring of a server: age, days left, sizes, requests.

    *Collects*, in a read transaction, whenever ``/api/metrics`` is read: be quick. If it raises,
    or brings a metric of another plugin, your metrics are left out; the failure is logged once,
    and counted in ``debrepo_plugin_metrics_failures_total``.
    """
