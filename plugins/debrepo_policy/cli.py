"""``debrepo policy``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import of_lists
from debrepo.cli.output import counted, json_option, print_json
from debrepo.errors import DebrepoError
from debrepo_policy import operations

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_policy.operations import RuleCheck


@click.group()
def policy() -> None:
    """Show the acceptance rules, and try them."""


@policy.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the acceptance rules."""
    found = session.run(operations.list_)
    if as_json:
        print_json([rule._asdict() for rule in found])
        return
    for rule in found:
        click.echo(rule.name)
        for key, value in rule.settings.items():
            click.echo(f"  {key}: {', '.join(value) if isinstance(value, tuple) else value}")


@policy.command()
@click.argument("targets", metavar="FILE|DIR|LIST...", nargs=-1, required=True)
@click.option(
    "--repo",
    default="",
    type=of_lists("repo"),
    help="Hold files to the rules for this repository.  [default: to all rules]",
)
@json_option
@pass_session
def check(session: Session, targets: tuple[str, ...], repo: str, as_json: bool) -> None:
    """Say which packages break acceptance rules.

    Nothing is changed. FILE is a .deb, .udeb, .ddeb or .dsc file, DIR a directory to search for
    them, LIST a package list: repo:NAME or snapshot:NAME. Rules about signatures, versions and
    where packages are copied from are left out: they hold when a package arrives.
    """
    named = [target for target in targets if _LIST.match(target) and not os.path.lexists(target)]
    paths = [Path(target) for target in targets if target not in named]
    found = list(session.run(operations.check, paths, lists=named, repo=repo))
    refused = sum(bool(one.broken or one.error) for one in found)
    if as_json:
        print_json([_as_json(one) for one in found])
    else:
        for one in found:
            if one.error:
                click.echo(f"{one.source}: {one.error}")
            for broken in one.broken:
                click.echo(broken)
        session.progress.note(f"{counted(len(found), 'package')}: {refused} would be refused.")
    if refused:
        raise DebrepoError(f"{refused} of {counted(len(found), 'package')} would be refused")


_LIST = re.compile(r"[a-z]+:[^/]")


def _as_json(checked: RuleCheck) -> dict[str, object]:
    return checked._asdict() | {"broken": [broken._asdict() for broken in checked.broken]}
