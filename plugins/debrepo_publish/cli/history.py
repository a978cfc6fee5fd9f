"""``debrepo publish history``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, json_option, print_json, print_table, size
from debrepo_publish import listing_operations as operations
from debrepo_publish.cli.names import DISTRIBUTION, PLACE

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_publish.model.history import Past


@click.command()
@click.argument("distribution", type=DISTRIBUTION)
@click.argument("place", metavar="[[STORAGE:]PREFIX]", default="", type=PLACE)
@click.option(
    "--limit", type=click.IntRange(min=0), default=0, help="Number of publishes to show; 0: all."
)
@json_option
@pass_session
def history(session: Session, distribution: str, place: str, limit: int, as_json: bool) -> None:
    """Show who has published what and when, newest first.

    "live" is what clients see, "kept" what `debrepo publish rollback` can publish again, and "gone"
    what is known by this row alone.
    """
    found = session.run(operations.history, distribution, place, limit=limit)
    if as_json:
        print_json([{**past.row._asdict(), "state": past.state} for past in found])
        return
    head = ("Generation", "State", "Time", "By", "Packages", "Changes", "New", "Why")
    rows = [head, *map(_row, found)]
    if any(past.row.dated for past in found):
        names = ["Archive", *(_archive(past) for past in found)]
        rows = [(*row[:2], name, *row[2:]) for row, name in zip(rows, names, strict=True)]
    print_table(rows)
    session.progress.note(f"{counted(len(found), 'publish', lambda word: word + 'es')}.")


def _archive(past: Past) -> str:
    """Return the name of a dated archive that is there."""
    return past.row.dated if past.row.dated and past.state != "gone" else "-"


def _row(past: Past) -> tuple[object, ...]:
    row = past.row
    changes = ", ".join(f"{count:,} {change}" for change, count in row.changes.items())
    return (
        row.number,
        past.state,
        row.created,
        row.who or "-",
        f"{row.packages:,}",
        changes or "-",
        size(row.size),
        row.why,
    )
