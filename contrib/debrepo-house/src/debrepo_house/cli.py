"""``debrepo house``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import of_lists
from debrepo.cli.output import json_option, print_json, print_table
from debrepo_house import operations

if TYPE_CHECKING:
    from debrepo.session import Session


@click.group()
def house() -> None:
    """Manage owners and roll-outs."""


@house.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the repositories that a team owns."""
    found = session.run(operations.list_)
    if as_json:
        print_json([one._asdict() for one in found])
        return
    rows = [(one.name, one.team or "-", _described(one.phases)) for one in found]
    print_table([("Repository", "Owner", "Roll-outs"), *rows])


@house.command()
@click.argument("repo", type=of_lists("repo"))
@click.argument("team")
@pass_session
def own(session: Session, repo: str, team: str) -> None:
    """Say which team owns a repository."""
    session.run(operations.own, repo, team)
    click.echo(f"{team} owns {repo}.")


@house.command()
@click.argument("repo", type=of_lists("repo"))
@click.argument("package")
@click.argument("percentage", type=click.IntRange(0, 100))
@pass_session
def phase(session: Session, repo: str, package: str, percentage: int) -> None:
    """Roll out a package step by step: offer it to a PERCENTAGE of machines."""
    session.run(operations.phase, repo, package, percentage)
    click.echo(f"{percentage} % of machines get {package} when {repo} is published again.")


def _described(phases: dict[str, int]) -> str:
    return ", ".join(f"{package} {n} %" for package, n in sorted(phases.items())) or "-"
