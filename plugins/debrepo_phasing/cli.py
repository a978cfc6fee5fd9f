"""``debrepo publish raise``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import json_option, print_json
from debrepo_phasing import operations

if TYPE_CHECKING:
    from debrepo.session import Session


@click.command("raise")
@json_option
@pass_session
def raise_(session: Session, as_json: bool) -> None:
    """Offer phased updates to more machines, where their schedule says so.

    Publications keep the packages that they serve. A running server does this by itself.
    """
    found = session.run(operations.raise_)
    if as_json:
        print_json([one._asdict() for one in found])
        return
    for one in found:
        click.echo(f"{one.publication} offers {one.package} to {one.percentage} % of machines.")
    if not found:
        click.echo("Nothing is due.")
