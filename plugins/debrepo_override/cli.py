"""``debrepo repo override``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import of_lists
from debrepo.cli.options import read_text
from debrepo.cli.output import counted, json_option, print_json, print_table
from debrepo.errors import InvalidInput
from debrepo_override import operations
from debrepo_override.files import FORMATS
from debrepo_override.overrides import KINDS

if TYPE_CHECKING:
    from debrepo.session import Session

_kind = click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="deb",
    show_default=True,
    help="Kind of package.",
)


@click.group()
def override() -> None:
    """Give packages other fields, such as Section, when they are published."""


@override.command("set")
@click.argument("name", type=of_lists("repo"))
@click.argument("package")
@click.argument("fields", metavar="FIELD=VALUE...", nargs=-1, required=True)
@_kind
@pass_session
def set_(session: Session, name: str, package: str, fields: tuple[str, ...], kind: str) -> None:
    """Give PACKAGE other fields when the repository is published.

    PACKAGE is a name, or a pattern such as 'linux-*'. The package file stays as it is.
    """
    said = {}
    for text in fields:
        field, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput(f"{text[:80]!r} has no value", hint="write it like Section=net")
        said[field] = value
    session.run(operations.set_, name, package, said, kind=kind)
    click.echo(f"The next publish of {name} gives {package} {counted(len(said), 'other field')}.")


@override.command("list")
@click.argument("name", type=of_lists("repo"))
@json_option
@pass_session
def list_(session: Session, name: str, as_json: bool) -> None:
    """List the overrides of a repository."""
    found = session.run(operations.list_, name)
    if as_json:
        print_json([one._asdict() for one in found])
        return
    print_table([("Kind", "Package", "Field", "Value"), *found])


@override.command()
@click.argument("name", type=of_lists("repo"))
@click.argument("package")
@click.argument("fields", metavar="[FIELD]...", nargs=-1)
@_kind
@pass_session
def drop(session: Session, name: str, package: str, fields: tuple[str, ...], kind: str) -> None:
    """Drop the overrides of PACKAGE, or those of some fields."""
    count = session.run(operations.drop, name, package, fields, kind=kind)
    click.echo(f"Dropped {counted(count, 'override')} of {package}.")


@override.command("import")
@click.argument("name", type=of_lists("repo"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_kind
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="columns",
    show_default=True,
    help="How FILE is written: NAME PRIORITY SECTION, or NAME FIELD VALUE.",
)
@click.option("--replace", is_flag=True, help="Drop all other overrides of this kind.")
@pass_session
def import_(session: Session, name: str, file: Path, kind: str, form: str, replace: bool) -> None:
    """Read an override file of apt-ftparchive, dpkg-scanpackages or reprepro."""
    count = session.run(
        operations.import_, name, read_text(file), kind=kind, form=form, replace=replace
    )
    click.echo(f"{name} has {counted(count, 'override')} from {file.name}.")
