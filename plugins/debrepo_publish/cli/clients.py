"""``debrepo publish sources``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo_publish import client_operations
from debrepo_publish.cli.names import DISTRIBUTION, PLACE

if TYPE_CHECKING:
    from debrepo.session import Session


@click.command()
@click.argument("distribution", type=DISTRIBUTION)
@click.argument("place", metavar="[[STORAGE:]PREFIX]", default="", type=PLACE)
@click.option("--url", default="", help="URL of the archive root; default: as the storage has it.")
@pass_session
def sources(session: Session, distribution: str, place: str, url: str) -> None:
    """Print the .sources file for clients, with the public key in it.

    It belongs into /etc/apt/sources.list.d/NAME.sources.
    """
    click.echo(session.run(client_operations.sources, distribution, place, url=url), nl=False)
