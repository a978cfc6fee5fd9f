"""``debrepo publish diff``, and what ``--dry-run`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, json_option, print_json
from debrepo_publish import adopting_operations
from debrepo_publish.cli.names import DISTRIBUTION, PLACE

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_publish.adopting.differences import ClientDifference


@click.command()
@click.argument("distribution", type=DISTRIBUTION)
@click.argument("place", metavar="[[STORAGE:]PREFIX]", default="", type=PLACE)
@click.option("--url", help="URL of the archive root, to compare with what clients get.")
@json_option
@pass_session
def diff(session: Session, distribution: str, place: str, url: str | None, as_json: bool) -> None:
    """Show what clients would notice of the next update.

    Packages are compared by their newest versions. Fields of Release whose change makes
    `apt-get update` fail until somebody confirms it are marked.
    """
    found = session.run(adopting_operations.diff, distribution, place, url=url)
    show_difference(session, found, as_json=as_json)


def show_difference(session: Session, found: ClientDifference, *, as_json: bool) -> None:
    """Print what clients would notice."""
    if as_json:
        rows = [package._asdict() for package in found.packages]
        fields = [field._asdict() for field in found.fields]
        print_json({**found._asdict(), "packages": rows, "fields": fields})
        return
    for field in found.fields:
        stops = "; apt stops until somebody confirms it" if field.stops else ""
        click.echo(f"{field.name}: {_said(field.before)} becomes {_said(field.after)}{stops}")
    counts: dict[str, int] = {}
    for package in found.packages:
        counts[package.change] = counts.get(package.change, 0) + 1
        versions = " -> ".join(dict.fromkeys(filter(None, (package.before, package.after))))
        where = f"{package.component} {package.architecture}"
        click.echo(f"{package.change:10} {where} {package.name} {versions}")
    for problem in found.problems:
        session.progress.note(f"Warning: {problem}")
    said = ", ".join(f"{count} {change}" for change, count in sorted(counts.items()))
    if found.new:
        click.echo(f"Nothing is published as {found.publication} yet.")
    elif not counts and not found.fields:
        click.echo(f"Clients would notice nothing of a publish of {found.publication}.")
    session.progress.note(f"{counted(len(found.packages), 'package')} changed: {said or 'none'}.")


def _said(value: str) -> str:
    return repr(value) if value else "absent"
