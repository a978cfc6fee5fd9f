"""What the notify plugin brings: targets, in settings, and the hooks that tell of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import BackgroundJob, Command, Operation, Setting, TableRef, hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pluggy import PluginManager

    from debrepo.arrival import JudgedUpload, RefusedPackage
    from debrepo.database import Transaction
    from debrepo.health import Checkup
    from debrepo.metrics import Metric
    from debrepo.package import Entry, PackageList
    from debrepo.published import PublicationState
    from debrepo.session import Session

_HERE = "debrepo_notify"


@hookimpl
def debrepo_addhooks(pm: PluginManager) -> None:
    from debrepo_notify import hooks

    pm.add_hookspecs(hooks)


@hookimpl
def debrepo_commands() -> list[Command]:
    return [Command("notify", f"{_HERE}.cli:notify", "Manage the notifications of other systems.")]


def _operation(name: str, function: str, summary: str, *, changes: bool = True) -> Operation:
    target = f"{_HERE}.operations:{function}"
    return Operation(f"notify.{name}", target, summary, "admin", f"notify {name}", changes)


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        _operation("list", "list_", "List the deliveries that wait or failed.", changes=False),
        _operation("show", "show", "Show a delivery.", changes=False),
        _operation("retry", "retry", "Try failed deliveries again."),
        _operation("drop", "drop", "Remove deliveries."),
        _operation("test", "test", "Send a test event to a target.")._replace(long=True),
        _operation("deliver", "deliver", "Deliver what is due.")._replace(long=True),
    ]


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("notify.to.*.url", "", "URL that events are sent to, http or https"),
        Setting(
            "notify.to.*.command",
            (),
            "Program that is run for each event, with its arguments; no shell is involved",
        ),
        Setting("notify.to.*.events", ("*",), "Events to send, as patterns"),
        Setting(
            "notify.to.*.names",
            ("*",),
            "Names of what events are about, as patterns over NAME or KIND:NAME",
        ),
        Setting(
            "notify.to.*.secret",
            "",
            "Secret to sign with; whsec_ stands before base64. Empty: not signed",
            secret=True,
        ),
        Setting("notify.to.*.timeout", 10, "Maximum seconds of an attempt"),
        Setting(
            "notify.deliver",
            "server",
            "Who delivers: server; command: servers, and each command at its end; manual: only "
            "notify deliver",
        ),
        Setting("notify.max_age", 259_200, "Seconds after which a delivery has failed for good"),
        Setting("notify.max_queued", 100_000, "Maximum number of deliveries that wait"),
        Setting("notify.keep_failed", 2_592_000, "Seconds that failed deliveries are kept"),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [
        TableRef("notify.queue", 1, f"{_HERE}.deliveries:QUEUE"),
        TableRef("notify.failed", 1, f"{_HERE}.deliveries:FAILED"),
        TableRef("notify.counts", 1, f"{_HERE}.deliveries:COUNTS"),
    ]


@hookimpl
def debrepo_metrics(txn: Transaction) -> list[Metric]:
    from debrepo_notify.numbers import metrics

    return metrics(txn)


@hookimpl
def debrepo_background() -> dict[str, BackgroundJob]:
    return {
        "notify": BackgroundJob(
            f"{_HERE}.delivering:in_background", 2.0, "Deliver notifications.", alone=False
        )
    }


@hookimpl
def debrepo_server_started(session: Session) -> None:
    from debrepo_notify.delivering import check

    check(session)


@hookimpl
def debrepo_command_ended(session: Session) -> None:
    if session.config["notify.deliver"] == "command":
        from debrepo_notify.delivering import AT_THE_END, deliver

        deliver(session, patience=AT_THE_END)


@hookimpl
def debrepo_created(session: Session, txn: Transaction, kind: str, name: str) -> None:
    _queue(session, txn, "created", kind, name)


@hookimpl
def debrepo_dropped(session: Session, txn: Transaction, kind: str, name: str) -> None:
    _queue(session, txn, "dropped", kind, name)


@hookimpl
def debrepo_renamed(session: Session, txn: Transaction, kind: str, old: str, new: str) -> None:
    _queue(session, txn, "renamed", kind, new, old=old)


def _queue(
    session: Session, txn: Transaction, verb: str, kind: str, name: str, **data: str
) -> None:
    if session.config.names("notify.to"):
        from debrepo_notify.events import queue

        queue(session, txn, f"{kind}.{verb}", kind, name, **data)


@hookimpl
def debrepo_packages_changed(
    session: Session, target: PackageList, added: frozenset[Entry], removed: frozenset[Entry]
) -> None:
    if session.config.names("notify.to"):
        from debrepo_notify.events import changed

        changed(session, target, added, removed)


@hookimpl
def debrepo_packages_refused(
    session: Session, target: PackageList, refused: Sequence[RefusedPackage]
) -> None:
    if session.config.names("notify.to"):
        from debrepo_notify.events import were_refused

        were_refused(session, target, refused)


@hookimpl
def debrepo_upload_judged(session: Session, upload: JudgedUpload) -> None:
    if session.config.names("notify.to"):
        from debrepo_notify.events import judged

        judged(session, upload)


@hookimpl
def debrepo_published(
    session: Session,
    publication: str,
    before: PublicationState | None,
    after: PublicationState | None,
    paths: frozenset[str],
) -> None:
    if session.config.names("notify.to"):
        from debrepo_notify.events import published

        published(session, publication, before, after, paths)


@hookimpl
def debrepo_health(session: Session) -> list[Checkup]:
    from debrepo_notify.health import checkups

    return list(checkups(session))
