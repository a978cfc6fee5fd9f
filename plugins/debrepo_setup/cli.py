"""``debrepo setup-server``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from debrepo.cli import pass_session
from debrepo_setup import operations
from debrepo_setup.choices import PROXIES

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_setup.doing import SetupStep


@click.command("setup-server")
@click.option("--user", help="User that runs it.  [default: debrepo]")
@click.option(
    "--root", metavar="DIRECTORY", help="Root that it serves.  [default: /var/lib/debrepo]"
)
@click.option("--listen", help="HOST:PORT, :PORT or unix:PATH.  [default: unix:/run/debrepo.sock]")
@click.option("--public-url", metavar="URL", help="Where clients reach it.")
@click.option("--proxy", type=click.Choice(PROXIES), help="Web server before it.  [default: none]")
@click.option("--tls-certificate", metavar="FILE", help="Certificate of the web server.")
@click.option("--tls-key", metavar="FILE", help="Key of the certificate.")
@click.option("--command", help="Command that runs debrepo.  [default: this one]")
@click.option(
    "--prefix",
    metavar="DIRECTORY",
    type=click.Path(path_type=Path),
    help="Only write files, below this directory.",
)
@click.option("--no-token", is_flag=True, help="Create no token for the administrator.")
@click.option("--force", is_flag=True, help="Replace files that were changed by hand.")
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@pass_session
@click.pass_context
def setup_server(
    ctx: click.Context,
    session: Session,
    /,
    root: str | None,
    no_token: bool,
    dry_run: bool,
    **given: str,
) -> None:
    """Set up a server with systemd.

    Makes the user, the root, units for systemd that allow what the configured storages need, a
    token for the administrator in /etc/debrepo/admin.token, and the configuration of a web
    server with TLS. Run it again after changing the configuration, or with another option: what is
    not given stays as it was chosen the last time, and files that were changed by hand are kept.
    """
    # The root of the command line is meant as well, unless it is only the default.
    source = ctx.find_root().get_parameter_source("root")
    if root is None and source is not ParameterSource.DEFAULT:
        root = str(session.root)
    steps = session.run(
        operations.setup,
        root=root,
        token=not no_token,
        dry_run=dry_run,
        **given,  # type: ignore[arg-type]
    )
    for step in steps:
        _print(step, whole=dry_run)


def _print(step: SetupStep, *, whole: bool) -> None:
    several = "\n" in step.text
    click.echo(
        f"{step.action:7}  {step.target}{f'  ({step.text})' if step.text and not several else ''}"
    )
    if whole and several:
        for line in step.text.splitlines():
            click.echo(f"         | {line}".rstrip())
