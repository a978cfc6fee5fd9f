"""What the phasing plugin brings: an option of publications, and a field that apt reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import PublicationOption, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.package import Entry
    from debrepo.published import PublicationState
    from debrepo.session import Session


@hookimpl
def debrepo_publication_options() -> list[PublicationOption]:
    help_ = "Packages to offer to a part of the machines: NAME=PERCENTAGE"
    return [PublicationOption("phased", (), help_)]


@hookimpl
def debrepo_package_fields(
    session: Session, txn: Transaction, after: PublicationState, component: str
) -> Mapping[Entry, Mapping[str, str]]:
    given = after.options.get("phased")
    if not isinstance(given, tuple) or not given:
        return {}
    from debrepo_phasing import phases

    wanted = phases.parse(given)
    if component == min(after.components):
        for name in phases.absent(txn, wanted, after.components.values()):
            session.progress.note(f"Warning: {after} has no package {name} to phase.")
    return phases.fields(txn, wanted, after.components[component])
