"""``debrepo pool``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, json_option, print_json, size
from debrepo_pool import operations

if TYPE_CHECKING:
    from debrepo.session import Session


@click.group()
def pool() -> None:
    """Move package files to another storage."""


@pool.command()
@json_option
@pass_session
def move(session: Session, as_json: bool) -> None:
    """Move package files to pool.storage, and keep a cache of them here.

    A server does so by itself every five minutes.
    """
    done = session.run(operations.move)
    if as_json:
        print_json(done._asdict())
        return
    click.echo(
        f"Moved {counted(done.files, 'file')} ({size(done.bytes)}), removed "
        f"{counted(done.removed, 'file')} here, deleted {counted(done.deleted, 'file')} there."
    )
