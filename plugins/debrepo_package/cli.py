"""``debrepo package``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.errors import NotFound
from debrepo.output import json_option, newest_first, print_json
from debrepo_package import operations

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_package.operations import Shown


@click.group()
def package() -> None:
    """Search and show packages."""


@package.command()
@click.argument("query", required=False)
@json_option
@pass_session
def search(session: Session, query: str | None, as_json: bool) -> None:
    """Search all packages that debrepo knows."""
    found = session.run(operations.search, query)
    if as_json:
        print_json([str(key) for key in found])
        return
    if not found and query is not None:
        raise NotFound(f"no package matches {query}")
    for key in newest_first(found):
        click.echo(key.display)


@package.command()
@click.argument("query")
@click.option("--with-files", is_flag=True, help="Say where the files are in the pool.")
@click.option("--with-references", is_flag=True, help="Say which package lists hold it.")
@json_option
@pass_session
def show(
    session: Session, query: str, with_files: bool, with_references: bool, as_json: bool
) -> None:
    """Show packages, their files and who refers to them."""
    found = session.run(
        operations.show, query, with_files=with_files, with_references=with_references
    )
    if as_json:
        print_json([_plain(shown) for shown in found])
        return
    if not found:
        raise NotFound(f"no package matches {query}")
    for shown in found:
        _print(shown)


def _print(shown: Shown) -> None:
    package, files, references = shown
    click.echo(package.stanza.decode())
    if package.kind != "source":
        file = package.files[0]
        click.echo(f"Filename: {file.name}\nSize: {file.size}\nSHA256: {file.sha256}")
    click.echo(f"Key: {package.key}")
    for path in files:
        click.echo(f"  file: {path}")
    for reference in references:
        click.echo(f"  in {reference}")
    click.echo()


def _plain(shown: Shown) -> dict[str, object]:
    package, files, references = shown
    return {
        "key": str(package.key),
        "kind": package.kind,
        "fields": package.fields(),
        "files": [file._asdict() for file in package.files],
        "pool": [str(path) for path in files],
        "references": references,
    }
