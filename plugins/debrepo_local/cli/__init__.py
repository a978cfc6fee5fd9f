"""``debrepo repo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import of_lists, origin
from debrepo.cli.options import (
    Style,
    dependency_options,
    from_,
    query_arguments,
    search_options,
    transfer_options,
)
from debrepo.cli.output import (
    counted,
    dry_run_option,
    force_option,
    json_option,
    plain_list,
    print_changes,
    print_fields,
    print_json,
    print_lines,
    print_packages,
    warn_missing,
)
from debrepo_local import operations
from debrepo_local.cli import documents
from debrepo_local.cli.incoming import content, include, strict_option, watch
from debrepo_local.reporting import check_removed, report

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.dependencies import Dependencies
    from debrepo.session import Session
    from debrepo_local.transfers import Transferred


REPO = of_lists("repo")


_uploaders = click.option(
    "--uploaders-file",
    "uploaders",
    callback=content,
    help="JSON file that says who may include uploads; '' allows everybody.",
)


@click.group()
def repo() -> None:
    """Manage local repositories."""


repo.add_command(documents.list_)
repo.add_command(documents.show)
repo.add_command(include)
repo.add_command(watch)


@repo.command()
@click.argument("name")
@click.argument("origin", metavar="[from KIND SOURCE]", nargs=-1, type=origin())
@click.option("--component", default="main", show_default=True, help="Default component.")
@click.option("--distribution", default="", help="Default distribution to publish as.")
@click.option("--comment", default="", help="Comment that describes the repository.")
@_uploaders
@pass_session
def create(
    session: Session,
    name: str,
    origin: tuple[str, ...],
    component: str,
    distribution: str,
    comment: str,
    uploaders: str | None,
) -> None:
    """Create a repository, empty or with the packages of another list.

    \b
    debrepo repo create NAME
    debrepo repo create NAME from snapshot SNAPSHOT
    """  # noqa: D301  # \b is click's mark that the paragraph keeps its lines
    kind, source = from_(origin)
    session.run(
        operations.create,
        name,
        component=component,
        distribution=distribution,
        comment=comment,
        kind=kind,
        source=source,
        uploaders=uploaders or "",
    )
    click.echo(f"Created repository {name}.")


@repo.command()
@click.argument("name", type=REPO)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--force-replace", is_flag=True, help="Replace packages that differ in content.")
@click.option("--remove-files", is_flag=True, help="Delete each file once it has been added.")
@click.option("--deep", is_flag=True, help="Unpack and check all of each package now.")
@click.option(
    "--trust-mtime",
    is_flag=True,
    help="Do not read files that have not changed since they were added with this option.",
)
@strict_option
@json_option
@pass_session
def add(
    session: Session,
    name: str,
    files: tuple[Path, ...],
    force_replace: bool,
    remove_files: bool,
    deep: bool,
    trust_mtime: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Add package files to a repository.

    FILES are .deb, .udeb, .ddeb and .dsc files, or directories to search for them.
    """
    found = session.run(
        operations.add,
        name,
        files,
        force_replace=force_replace,
        remove_files=remove_files,
        deep=deep,
        trust_mtime=trust_mtime,
    )
    report(session, found, strict=strict, as_json=as_json, name=name)


@repo.command("list")
@click.option(
    "--sort", type=click.Choice(["name", "size"]), default="name", help="Order of the list."
)
@click.option("--raw", is_flag=True, help="Print names only.")
@json_option
@pass_session
def list_(session: Session, sort: str, raw: bool, as_json: bool) -> None:
    """List the repositories."""
    found = session.run(operations.list_, sort=sort)
    if as_json:
        print_json([plain_list(*shown) for shown in found])
        return
    for repo, count, _ in found:
        line = f"{repo.name}\t{counted(count, 'package')}\t{repo.comment}".rstrip()
        click.echo(repo.name if raw else line)


@repo.command()
@click.argument("name", type=REPO)
@click.option("--with-packages", is_flag=True, help="List its packages, too.")
@json_option
@pass_session
def show(session: Session, name: str, with_packages: bool, as_json: bool) -> None:
    """Show a repository."""
    shown = session.run(operations.show, name, with_packages=with_packages)
    if as_json:
        print_json(plain_list(*shown))
        return
    repo, count, packages = shown
    print_fields(
        {
            "Name": repo.name,
            "Comment": repo.comment,
            "Default distribution": repo.distribution,
            "Default component": repo.component,
            "Uploaders": repo.uploaders,
            "Packages": count,
        }
    )
    print_packages(packages)


@repo.command()
@click.argument("name", type=REPO)
@click.option("--component", help="Default component to publish in.")
@click.option("--distribution", help="Default distribution to publish as.")
@click.option("--comment", help="Comment that describes the repository.")
@_uploaders
@pass_session
def edit(session: Session, /, name: str, **said: str | None) -> None:
    """Edit the properties of a repository."""
    session.run(operations.edit, name, **said)
    click.echo(f"Changed repository {name}.")


@repo.command()
@click.argument("name", type=REPO)
@click.argument("new_name")
@pass_session
def rename(session: Session, name: str, new_name: str) -> None:
    """Rename a repository."""
    session.run(operations.rename, name, new_name)
    click.echo(f"Renamed repository {name} to {new_name}.")


@repo.command()
@click.argument("name", type=REPO)
@search_options
@pass_session
def search(
    session: Session, name: str, queries: tuple[str, ...], choice: dict[str, Any], style: Style
) -> None:
    """Search the packages of a repository."""
    style.print(session.run(operations.search, name, queries, **choice), queries)


@repo.command()
@transfer_options
@pass_session
def copy(session: Session, /, source: str, target: str, **given: Any) -> None:
    """Copy packages to another repository.

    SOURCE is a repository; another package list is given as KIND:NAME.
    """
    _print_transfer(session, operations.copy, "copied", source, target, **given)


@repo.command()
@transfer_options
@pass_session
def move(session: Session, /, source: str, target: str, **given: Any) -> None:
    """Move packages from one repository to another.

    With --architectures, packages for all architectures stay unless "all" is listed.
    """
    _print_transfer(session, operations.move, "moved", source, target, **given)


@repo.command("import")
@transfer_options
@pass_session
def import_(session: Session, /, source: str, target: str, **given: Any) -> None:
    """Import packages of a mirror into a repository.

    SOURCE is a mirror; another package list is given as KIND:NAME.
    """
    _print_transfer(session, operations.import_, "imported", source, target, **given)


def _print_transfer(
    session: Session,
    operation: Callable[..., Transferred],
    word: str,
    source: str,
    target: str,
    queries: tuple[str, ...],
    dry_run: bool,
    with_why: bool,
    dependencies: Dependencies | None,
    architectures: tuple[str, ...],
) -> None:
    done = session.run(
        operation,
        source,
        target,
        queries,
        dependencies=dependencies,
        architectures=architectures,
        dry_run=dry_run,
    )
    print_changes(word, done.packages, with_why=with_why)
    warn_missing(done.missing)
    session.progress.note(
        f"{target}: {counted(len(done.packages), 'package')} "
        + (f"would be {word}; nothing was changed." if dry_run else f"{word}.")
    )


@repo.command()
@click.argument("name", type=REPO)
@query_arguments
@dependency_options("--with-deps")
@dry_run_option
@click.option("--strict", is_flag=True, help="Fail if no package matches.")
@pass_session
def remove(
    session: Session,
    /,
    name: str,
    queries: tuple[str, ...],
    dry_run: bool,
    strict: bool,
    **which: Any,
) -> None:
    """Remove packages from a repository.

    With --with-deps, their dependencies are removed too, unless a remaining package needs them.
    With --architectures, packages for all architectures stay unless "all" is listed.
    """
    gone = session.run(operations.remove, name, queries, dry_run=dry_run, **which)
    check_removed(session, name, gone, strict=strict)
    print_lines(f"removed  {key.display}" for key in gone)
    session.progress.note(
        f"{name}: {counted(len(gone), 'package')} "
        + ("would be removed; nothing was changed." if dry_run else "removed.")
    )


@repo.command("add-keys")
@click.argument("name", type=REPO)
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@pass_session
def add_keys(session: Session, name: str, keys: tuple[str, ...]) -> None:
    """Add packages that are in the database to a repository, by key.

    "debrepo package search --json" prints keys. They contain spaces, so quote them.
    """
    session.run(operations.add_keys, name, keys)
    click.echo(f"Added {counted(len(keys), 'package')} to {name}.")


@repo.command("remove-keys")
@click.argument("name", type=REPO)
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@pass_session
def remove_keys(session: Session, name: str, keys: tuple[str, ...]) -> None:
    """Remove packages from a repository, by key.

    Keys of packages that are not in it are ignored.
    """
    session.run(operations.remove_keys, name, keys)
    click.echo(f"Removed {counted(len(keys), 'package')} from {name}.")


@repo.command()
@click.argument("name", type=REPO)
@force_option
@pass_session
def drop(session: Session, name: str, force: bool) -> None:
    """Drop a repository. Its packages stay in the pool until "debrepo db cleanup"."""
    session.run(operations.drop, name, force=force)
    click.echo(f"Dropped repository {name}.")
