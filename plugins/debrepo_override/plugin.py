"""What the override plugin brings: commands below ``repo``, and fields of packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import Command, Operation, Ref, TableRef, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.published import PublicationState
    from debrepo.session import Session

_OPERATIONS = "debrepo_override.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command(
            "repo override",
            "debrepo_override.cli:override",
            "Give packages other fields, such as Section, when they are published.",
        )
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "repo.override.set",
            f"{_OPERATIONS}:set_",
            "Give packages of a repository other fields.",
            "repo:{name}:edit",
            "repo override set",
        ),
        Operation(
            "repo.override.list",
            f"{_OPERATIONS}:list_",
            "List the overrides of a repository.",
            "read",
            "repo override list",
            changes=False,
        ),
        Operation(
            "repo.override.drop",
            f"{_OPERATIONS}:drop",
            "Drop overrides of a repository.",
            "repo:{name}:edit",
            "repo override drop",
        ),
        Operation(
            "repo.override.import",
            f"{_OPERATIONS}:import_",
            "Read an override file of apt-ftparchive or reprepro.",
            "repo:{name}:edit",
            "repo override import",
        ),
    ]


@hookimpl
def debrepo_routes() -> list[Ref]:
    return [Ref("debrepo_override.api:routes", "Overrides of repositories.")]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [TableRef("override.rules", 1, "debrepo_override.overrides:RULES", ahead=16)]


@hookimpl
def debrepo_renamed(txn: Transaction, kind: str, old: str, new: str) -> None:
    if kind == "repo":
        from debrepo_override import overrides

        overrides.rename(txn, old, new)


@hookimpl
def debrepo_dropped(txn: Transaction, kind: str, name: str) -> None:
    if kind == "repo":
        from debrepo_override import overrides

        overrides.drop(txn, name)


@hookimpl
def debrepo_package_fields(
    session: Session, txn: Transaction, after: PublicationState, component: str
) -> Mapping[Entry, Mapping[str, str]]:
    from debrepo_override import overrides

    return overrides.fields(session.hook, txn, after.components[component])
