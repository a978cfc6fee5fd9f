"""What the retention plugin brings: commands, operations, tables, and hooks that apply policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import BackgroundJob, Command, Operation, Setting, TableRef, hookimpl

if TYPE_CHECKING:
    from collections.abc import Collection

    from debrepo.database import Transaction
    from debrepo.package import Entry, PackageList
    from debrepo.session import Session

_OPERATIONS = "debrepo_retention.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command(
            "repo prune", "debrepo_retention.cli:prune", "Remove old versions from a repository."
        ),
        Command(
            "repo retention",
            "debrepo_retention.cli:retention",
            "Manage what repositories keep of old versions.",
        ),
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "repo.prune",
            f"{_OPERATIONS}:prune",
            "Remove old versions from a repository.",
            "repo:{name}:remove",
            "repo prune",
            long=True,
        ),
        Operation(
            "retention.set",
            f"{_OPERATIONS}:set_",
            "Set what a repository keeps whenever packages join it.",
            "repo:{name}:edit repo:{name}:remove",
            "repo retention set",
        ),
        Operation(
            "retention.list",
            f"{_OPERATIONS}:list_",
            "List the retention policies of repositories.",
            "read",
            "repo retention list",
            changes=False,
        ),
        Operation(
            "retention.show",
            f"{_OPERATIONS}:show",
            "Show the retention policy of a repository.",
            "read",
            "repo retention show",
            changes=False,
        ),
        Operation(
            "retention.drop",
            f"{_OPERATIONS}:drop",
            "Drop the retention policy of a repository; its packages stay.",
            "repo:{name}:edit",
            "repo retention drop",
        ),
    ]


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting(
            "retention.remember",
            400,
            "Days to remember when packages joined a repository, for --min-age; 0: never",
        ),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [
        TableRef("retention.policies", 1, "debrepo_retention.tables:POLICIES", ahead=16),
        TableRef("retention.due", 1, "debrepo_retention.tables:DUE", ahead=4),
        TableRef("retention.arrivals", 1, "debrepo_retention.tables:ARRIVALS"),
    ]


@hookimpl
def debrepo_packages_changing(
    session: Session, txn: Transaction, target: PackageList, added: Collection[Entry]
) -> None:
    if added and target.kind == "repo":
        from debrepo_retention.arrivals import note

        note(session, txn, target, added)


@hookimpl
def debrepo_packages_changed(
    session: Session, target: PackageList, added: frozenset[Entry]
) -> None:
    if added and target.kind == "repo":
        from debrepo_retention.tables import DUE

        with session.db.glance() as txn:
            due = target.name in txn[DUE]
        if due:
            from debrepo_retention.applying import after_change

            after_change(session, target, added)


@hookimpl
def debrepo_command_ended(session: Session) -> None:
    if session.read_only:
        return
    from debrepo_retention.tables import DUE

    with session.db.glance() as txn:
        due = bool(txn[DUE])
    if due:
        from debrepo_retention.applying import hold_due

        hold_due(session)


@hookimpl
def debrepo_background() -> dict[str, BackgroundJob]:
    return {
        "retention": BackgroundJob(
            "debrepo_retention.applying:in_background",
            60,
            "Hold repositories to their retention policies, all of them once an hour.",
        )
    }


@hookimpl
def debrepo_renamed(txn: Transaction, kind: str, old: str, new: str) -> None:
    if kind == "repo":
        from debrepo_retention import arrivals, policies

        arrivals.rename(txn, old, new)
        policies.rename(txn, old, new)


@hookimpl
def debrepo_dropped(txn: Transaction, kind: str, name: str) -> None:
    if kind == "repo":
        from debrepo_retention import arrivals, policies

        arrivals.drop(txn, name)
        policies.drop(txn, name)
