"""``debrepo publish site``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, json_option, print_json
from debrepo_web import site_operations

if TYPE_CHECKING:
    from debrepo.session import Session


@click.command()
@click.argument("place", metavar="[[STORAGE:]PREFIX]", default="")
@click.option("--url", default="", help="URL of the archive root; default: as the storage has it.")
@click.option("--remove", is_flag=True, help="Delete the pages that were written.")
@json_option
@pass_session
def site(session: Session, place: str, url: str, remove: bool, as_json: bool) -> None:
    """Write pages for users into a published tree.

    They are those that a server shows at /: a landing page, and for each publication a page with
    its packages, a feed, its .sources file and its key. Only what has changed is written.
    """
    found = session.run(site_operations.site, place, url=url, remove=remove)
    if as_json:
        print_json(found._asdict())
        return
    said = f"{counted(len(found.written), 'file')} written, {len(found.deleted)} deleted"
    click.echo(f"Pages of {found.place}: {said}, {found.unchanged} unchanged.")
    if found.url and not remove:
        click.echo(f"{found.url}/index.html")
