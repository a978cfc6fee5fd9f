"""``debrepo import tree``."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import json_option
from debrepo_import import operations
from debrepo_import.cli.reports import LocalPath, show

if TYPE_CHECKING:
    from debrepo.session import Session


@click.command()
@click.argument("location", metavar="URL|DIR", type=LocalPath())
@click.option("--suite", "suites", multiple=True, help="Suite to bring; may be repeated.")
@click.option("--component", "components", multiple=True, help="Component to bring; default: all.")
@click.option(
    "--name", default="{suite}-{component}", show_default=True, help="Name of the repositories."
)
@click.option("--snapshots", is_flag=True, help="Take a snapshot of each state as well.")
@click.option("--keyring", "keyrings", multiple=True, help="Keyring to verify with.")
@click.option("--ignore-signatures", is_flag=True, help="Trust the archive without a check.")
@click.option(
    "--follow",
    type=click.IntRange(1),
    is_flag=False,
    flag_value=60,
    metavar="[SECONDS]",
    help="Bring what is new again and again, every 60 seconds, until stopped.",
)
@json_option
@pass_session
def tree(
    session: Session,
    location: str,
    suites: tuple[str, ...],
    components: tuple[str, ...],
    name: str,
    snapshots: bool,
    keyrings: tuple[str, ...],
    ignore_signatures: bool,
    follow: int | None,
    as_json: bool,
) -> None:
    """Bring a published archive here, from what it has signed.

    Each component of a suite becomes a repository, and a mirror that fetches it. A second run
    brings what has changed since. What cannot be brought is listed, and is no error.
    """
    pause = Event()
    first = True
    while first or (follow and not pause.wait(follow)):
        report = session.run(
            operations.tree,
            location,
            suites=suites,
            components=components,
            name=name,
            snapshots=snapshots,
            keyrings=keyrings,
            ignore_signatures=ignore_signatures,
        )
        if first or report.created or report.changed:
            show(report, as_json)
        first = False
