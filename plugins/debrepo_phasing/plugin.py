"""What the phasing plugin brings: an option of publications, and a field that apt reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import (
    BackgroundJob,
    Command,
    Operation,
    PublicationOption,
    TableRef,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.published import PublicationState
    from debrepo.session import Session


@hookimpl
def debrepo_publication_options() -> list[PublicationOption]:
    help_ = "Packages to offer to a part of the machines: NAME=PERCENTAGE, or NAME=10+15/6h"
    return [PublicationOption("phased", (), help_)]


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command(
            "publish raise",
            "debrepo_phasing.cli:raise_",
            "Offer phased updates to more machines, where their schedule says so.",
        )
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "publish.raise",
            "debrepo_phasing.operations:raise_",
            "Offer phased updates to more machines, where their schedule says so.",
            "admin",
            "publish raise",
            long=True,
        )
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [TableRef("phasing.rollouts", 1, "debrepo_phasing.rollouts:ROLLOUTS", ahead=8)]


@hookimpl
def debrepo_background() -> dict[str, BackgroundJob]:
    return {
        "phasing": BackgroundJob(
            "debrepo_phasing.rollouts:in_background", 60.0, "Raise phased updates."
        )
    }


@hookimpl
def debrepo_package_fields(
    session: Session, txn: Transaction, after: PublicationState, component: str
) -> Mapping[Entry, Mapping[str, str]]:
    given = after.options.get("phased")
    if not isinstance(given, tuple) or not given:
        return {}
    from debrepo_phasing import phases, rollouts

    wanted = phases.parse(given)
    if component == min(after.components):
        for name in phases.absent(txn, wanted, after.components.values()):
            session.progress.note(f"Warning: {after} has no package {name} to phase.")
    found = rollouts.percentages(txn, str(after), wanted, after.components.values())
    return phases.fields(txn, found, after.components[component])


@hookimpl
def debrepo_published(
    session: Session,
    publication: str,
    before: PublicationState | None,
    after: PublicationState | None,
) -> None:
    scheduled = [state and state.options.get("phased") for state in (before, after)]
    if any(scheduled):
        from debrepo_phasing import rollouts

        rollouts.note(session, publication, after)
