"""``debrepo snapshot prune``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, dry_run_option, json_option, print_json, print_lines
from debrepo_snapshot import operations

if TYPE_CHECKING:
    from debrepo.session import Session


@click.command()
@click.option("--older-than", default="", metavar="SPAN", help="Keep what is not older: 90d, 4w.")
@click.option("--keep", type=int, default=0, metavar="N", help="Keep the N newest.")
@click.option(
    "--daily", type=int, default=0, metavar="N", help="Keep the newest of each of the last N days."
)
@click.option("--weekly", type=int, default=0, metavar="N", help="Likewise for weeks.")
@click.option("--monthly", type=int, default=0, metavar="N", help="Likewise for months.")
@click.option("--yearly", type=int, default=0, metavar="N", help="Likewise for years.")
@click.option(
    "--name",
    default="*",
    metavar="PATTERN",
    help="Consider only snapshots with such names; * is any text.",
)
@dry_run_option
@json_option
@pass_session
def prune(session: Session, /, dry_run: bool, as_json: bool, **terms: Any) -> None:
    """Drop old snapshots: those that no option keeps.

    Snapshots that were made from the same list are counted together, and the newest one stays. Days
    without a snapshot do not count; days, weeks from Monday, months and years are those of UTC.
    Snapshots that are published, protected, or that another one was made from, stay.
    """
    made = session.run(operations.prune, dry_run=dry_run, **terms)
    if as_json:
        dropped, held = (
            [one.name for one in made.dropped],
            {one.name: why for one, why in made.held},
        )
        print_json({"dropped": dropped, "held": held, "kept": made.kept})
        return
    print_lines(f"dropped  {one.name}" for one in made.dropped)
    for one, reason in made.held:
        session.progress.note(f"{one.name} stays: {reason}.")
    said = f"{'would be ' if dry_run else ''}dropped, {made.kept:,} kept"
    end = "; nothing was changed." if dry_run else "."
    session.progress.note(f"{counted(len(made.dropped), 'snapshot')} {said}{end}")
