"""``debrepo export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, json_option, print_json, size
from debrepo_import import operations
from debrepo_import.cli.reports import LocalPath

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_import.leaving.writing import ExportReport

_directory = click.argument("directory", type=LocalPath(path_type=Path))
_link = click.option(
    "--link", is_flag=True, help="Link the files of the pool: what changes one changes the other."
)


@click.group()
def export() -> None:
    """Write archives for other tools."""


@export.command()
@_directory
@click.argument("distribution")
@click.argument("place", metavar="[[STORAGE:]PREFIX]", default="")
@json_option
@pass_session
def tree(session: Session, directory: Path, distribution: str, place: str, as_json: bool) -> None:
    """Write a published distribution to a directory, as clients get it.

    A second run writes what is new. Every web server can serve the directory.
    """
    done = session.call(
        "publish.export", directory=directory, distribution=distribution, place=place
    )
    if as_json:
        print_json(done._asdict())
        return
    click.echo(
        f"Wrote {done.publication}: {counted(done.packages, 'package')},"
        f" {counted(done.files, 'new file')} ({size(done.bytes)})."
    )


@export.command()
@_directory
@_link
@json_option
@pass_session
def aptly(session: Session, directory: Path, link: bool, as_json: bool) -> None:
    """Write repositories, snapshots, mirrors and publications for aptly.

    The directory gets package files, and a script that takes everything in with aptly.
    """
    _show(session.run(operations.export_aptly, directory, link=link), as_json)


@export.command()
@_directory
@_link
@json_option
@pass_session
def reprepro(session: Session, directory: Path, link: bool, as_json: bool) -> None:
    """Write what is published for reprepro, each distribution as one of its own.

    The directory gets package files, and a script that takes everything in with reprepro.
    """
    _show(session.run(operations.export_reprepro, directory, link=link), as_json)


def _show(done: ExportReport, as_json: bool) -> None:
    if as_json:
        print_json({**done._asdict(), "remarks": [one._asdict() for one in done.remarks]})
        return
    for remark in done.remarks:
        click.echo(str(remark), err=True)
    click.echo(
        f"Wrote {counted(done.lists, 'list')} with {counted(done.packages, 'package')}"
        f" ({size(done.bytes)}); take them in with {done.script}"
    )
