"""``debrepo snapshot``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.output import (
    counted,
    force_option,
    json_option,
    print_fields,
    print_json,
    print_packages,
)
from debrepo_snapshot import operations

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_snapshot.operations import Shown


@click.group()
def snapshot() -> None:
    """Manage snapshots."""


@snapshot.command()
@click.argument("name")
@click.argument("origin", metavar="from KIND SOURCE | empty", nargs=-1, required=True)
@click.option("--description", default="", help="What the snapshot is for.")
@pass_session
def create(session: Session, name: str, origin: tuple[str, ...], description: str) -> None:
    """Create a snapshot of a package list, or an empty one.

    \b
    debrepo snapshot create NAME from repo REPO
    debrepo snapshot create NAME from snapshot SNAPSHOT
    debrepo snapshot create NAME empty
    """
    kind = source = ""
    if len(origin) == 3 and origin[0] == "from":
        _, kind, source = origin
    elif origin != ("empty",):
        raise click.UsageError("say what it is made from: 'from repo REPO', or 'empty'")
    session.run(operations.create, name, kind=kind, source=source, description=description)
    click.echo(f"Created snapshot {name}.")


@snapshot.command("list")
@click.option(
    "--sort", type=click.Choice(["name", "time"]), default="name", help="Order of the list."
)
@click.option("--raw", is_flag=True, help="Print names only.")
@json_option
@pass_session
def list_(session: Session, sort: str, raw: bool, as_json: bool) -> None:
    """List the snapshots."""
    found = session.run(operations.list_, sort=sort)
    if as_json:
        print_json([_plain(shown) for shown in found])
        return
    for snapshot, count, _ in found:
        line = f"{snapshot.name}\t{counted(count, 'package')}\t{snapshot.description}".rstrip()
        click.echo(snapshot.name if raw else line)


@snapshot.command()
@click.argument("name")
@click.option("--with-packages", is_flag=True, help="List the packages as well.")
@json_option
@pass_session
def show(session: Session, name: str, with_packages: bool, as_json: bool) -> None:
    """Show a snapshot."""
    shown = session.run(operations.show, name, with_packages=with_packages)
    if as_json:
        print_json(_plain(shown))
        return
    snapshot, count, packages = shown
    print_fields(
        {
            "Name": snapshot.name,
            "Created": snapshot.created,
            "Description": snapshot.description,
            "Made from": snapshot.sources,
            "Packages": count,
        }
    )
    print_packages(packages)


def _plain(shown: Shown) -> dict[str, object]:
    snapshot, count, packages = shown
    fields = {**snapshot._asdict(), "set_id": snapshot.set_id.hex(), "size": count}
    return {**fields, "packages": [str(key) for key in packages]} if packages else fields


@snapshot.command()
@click.argument("name")
@click.argument("new_name")
@pass_session
def rename(session: Session, name: str, new_name: str) -> None:
    """Give a snapshot another name."""
    session.run(operations.rename, name, new_name)
    click.echo(f"Renamed snapshot {name} to {new_name}.")


@snapshot.command()
@click.argument("name")
@force_option
@pass_session
def drop(session: Session, name: str, force: bool) -> None:
    """Drop a snapshot; its packages stay in the pool until cleanup."""
    session.run(operations.drop, name, force=force)
    click.echo(f"Dropped snapshot {name}.")
