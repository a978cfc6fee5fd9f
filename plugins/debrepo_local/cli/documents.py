"""``debrepo repo documents`` and ``debrepo repo document``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import Name, of_lists
from debrepo.cli.output import json_option, print_json, print_table
from debrepo.errors import InvalidInput
from debrepo_local import document_operations

if TYPE_CHECKING:
    from debrepo.session import Session

REPO = of_lists("repo")
FILE = Name(
    lambda session, given: (
        one.file.name for one in document_operations.list_(session, given["name"])
    )
)


@click.command("documents")
@click.argument("name", type=REPO)
@click.option("--source", default="", help="List only those of this source package.")
@json_option
@pass_session
def list_(session: Session, name: str, source: str, as_json: bool) -> None:
    """List the .changes and .buildinfo files of uploads to a repository.

    They are kept as long as a package that came with them is in the repository.
    """
    found = session.run(document_operations.list_, name, source=source)
    if as_json:
        print_json([{**one._asdict(), "file": one.file._asdict()} for one in found])
    elif found:
        print_table((one.file.name, one.source, one.version, one.included) for one in found)


@click.command("document")
@click.argument("name", type=REPO)
@click.argument("file", type=FILE)
@click.option("--output", type=click.Path(path_type=Path), help="File to write to.")
@pass_session
def show(session: Session, name: str, file: str, output: Path | None) -> None:
    """Print a .changes or .buildinfo file of an upload to a repository, or write it to a file."""
    found = session.run(document_operations.show, name, file)
    if output is None:
        click.echo(found.content, nl=False)
        return
    try:
        output.write_bytes(found.content)
    except OSError as error:
        raise InvalidInput(f"cannot write {output}: {error.strerror}") from None
