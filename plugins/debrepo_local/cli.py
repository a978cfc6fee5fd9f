"""``debrepo repo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.errors import DebrepoError
from debrepo.output import (
    counted,
    dry_run_option,
    force_option,
    json_option,
    print_fields,
    print_json,
    print_packages,
)
from debrepo.progress import Stopwatch
from debrepo_local import operations

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_local.operations import Shown


@click.group()
def repo() -> None:
    """Manage local repositories."""


@repo.command()
@click.argument("name")
@click.option("--component", default="main", show_default=True, help="Default component.")
@click.option("--distribution", default="", help="Distribution to publish as by default.")
@click.option("--comment", default="", help="What the repository is for.")
@pass_session
def create(session: Session, name: str, component: str, distribution: str, comment: str) -> None:
    """Create a repository."""
    session.run(
        operations.create, name, component=component, distribution=distribution, comment=comment
    )
    click.echo(f"Created repository {name}.")


@repo.command()
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--force-replace", is_flag=True, help="Replace packages that have other bytes.")
@click.option("--remove-files", is_flag=True, help="Delete the files that are in afterwards.")
@json_option
@pass_session
def add(
    session: Session,
    name: str,
    files: tuple[Path, ...],
    force_replace: bool,
    remove_files: bool,
    as_json: bool,
) -> None:
    """Add package files to a repository.

    FILES are .deb, .udeb, .ddeb and .dsc files, and directories to search for them.
    """
    watch = Stopwatch()
    outcomes = []
    for outcome in session.run(
        operations.add, name, files, force_replace=force_replace, remove_files=remove_files
    ):
        outcomes.append(outcome)
        if as_json:
            continue
        if outcome.status == "failed":
            click.echo(f"failed   {outcome.source}: {outcome.reason}", err=True)
            if outcome.hint:
                click.echo(f"         {outcome.hint}", err=True)
        else:
            click.echo(f"{outcome.status:8} {outcome.package}")
    if as_json:
        print_json([outcome._asdict() for outcome in outcomes])
    by_status = {s: sum(o.status == s for o in outcomes) for s in ("added", "replaced", "skipped")}
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    said = ", ".join(f"{number} {status}" for status, number in by_status.items() if number)
    session.progress.note(f"{name}: {said or 'nothing added'}, {failed} failed, in {watch}.")
    if failed:
        raise DebrepoError(f"{failed} of {counted(len(outcomes), 'file')} could not be added")


@repo.command("list")
@click.option("--raw", is_flag=True, help="Print names only.")
@json_option
@pass_session
def list_(session: Session, raw: bool, as_json: bool) -> None:
    """List the repositories."""
    found = session.run(operations.list_)
    if as_json:
        print_json([_plain(shown) for shown in found])
        return
    for repo, count, _ in found:
        line = f"{repo.name}\t{counted(count, 'package')}\t{repo.comment}".rstrip()
        click.echo(repo.name if raw else line)


@repo.command()
@click.argument("name")
@click.option("--with-packages", is_flag=True, help="List the packages as well.")
@json_option
@pass_session
def show(session: Session, name: str, with_packages: bool, as_json: bool) -> None:
    """Show a repository."""
    shown = session.run(operations.show, name, with_packages=with_packages)
    if as_json:
        print_json(_plain(shown))
        return
    repo, count, packages = shown
    print_fields(
        {
            "Name": repo.name,
            "Comment": repo.comment,
            "Default distribution": repo.distribution,
            "Default component": repo.component,
            "Packages": count,
        }
    )
    print_packages(packages)


def _plain(shown: Shown) -> dict[str, object]:
    repo, count, packages = shown
    fields = {**repo._asdict(), "set_id": repo.set_id.hex(), "size": count}
    return {**fields, "packages": [str(key) for key in packages]} if packages else fields


@repo.command()
@click.argument("name")
@click.option("--component", help="Component to publish in by default.")
@click.option("--distribution", help="Distribution to publish as by default.")
@click.option("--comment", help="What the repository is for.")
@pass_session
def edit(
    session: Session,
    name: str,
    component: str | None,
    distribution: str | None,
    comment: str | None,
) -> None:
    """Change what is said of a repository."""
    session.run(
        operations.edit, name, component=component, distribution=distribution, comment=comment
    )
    click.echo(f"Changed repository {name}.")


@repo.command()
@click.argument("name")
@click.argument("new_name")
@pass_session
def rename(session: Session, name: str, new_name: str) -> None:
    """Give a repository another name."""
    session.run(operations.rename, name, new_name)
    click.echo(f"Renamed repository {name} to {new_name}.")


@repo.command()
@click.argument("name")
@click.argument("queries", metavar="QUERY...", nargs=-1, required=True)
@dry_run_option
@pass_session
def remove(session: Session, name: str, queries: tuple[str, ...], dry_run: bool) -> None:
    """Remove packages from a repository."""
    gone = session.run(operations.remove, name, queries, dry_run=dry_run)
    for key in gone:
        click.echo(f"removed  {key.display}")
    session.progress.note(
        f"{name}: {counted(len(gone), 'package')} "
        + ("would be removed; nothing was changed." if dry_run else "removed.")
    )


@repo.command()
@click.argument("name")
@force_option
@pass_session
def drop(session: Session, name: str, force: bool) -> None:
    """Drop a repository; its packages stay in the pool until cleanup."""
    session.run(operations.drop, name, force=force)
    click.echo(f"Dropped repository {name}.")
