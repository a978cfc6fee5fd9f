"""``debrepo snapshot``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import of_lists, origin
from debrepo.cli.options import (
    Style,
    dependency_options,
    query_arguments,
    search_options,
    why_option,
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
    print_table,
    warn_missing,
)
from debrepo.errors import DebrepoError
from debrepo_snapshot import operations
from debrepo_snapshot.cli.pruning import prune

if TYPE_CHECKING:
    from debrepo.dependencies import Dependencies
    from debrepo.session import Session
    from debrepo_snapshot.differences import PackageDiff
    from debrepo_snapshot.drafts import CreatedSnapshot
    from debrepo_snapshot.merging import Policy


SNAPSHOT = of_lists("snapshot")


@click.group()
def snapshot() -> None:
    """Manage snapshots."""


snapshot.add_command(prune)


@snapshot.command()
@click.argument("name")
@click.argument(
    "origin",
    metavar="from KIND SOURCE | empty",
    nargs=-1,
    required=True,
    type=origin("empty"),
)
@click.option("--description", default="", help="Description of the snapshot.")
@pass_session
def create(session: Session, name: str, origin: tuple[str, ...], description: str) -> None:
    """Create a snapshot of a package list, or an empty one.

    \b
    debrepo snapshot create NAME from repo REPO
    debrepo snapshot create NAME from snapshot SNAPSHOT
    debrepo snapshot create NAME empty
    """  # noqa: D301  # \b is click's mark that the paragraph keeps its lines
    kind = source = ""
    if len(origin) == 3 and origin[0] == "from":
        _, kind, source = origin
    elif origin != ("empty",):
        raise click.UsageError(
            "say what it is made from: 'NAME from repo REPO', or 'NAME empty',"
            f" found {' '.join((name, *origin))[:80]!r}"
        )
    session.run(operations.create, name, kind=kind, source=source, description=description)
    click.echo(f"Created snapshot {name}.")


@snapshot.command("list")
@click.option(
    "--sort", type=click.Choice(["name", "time", "size"]), default="name", help="Order of the list."
)
@click.option("--raw", is_flag=True, help="Print names only.")
@json_option
@pass_session
def list_(session: Session, sort: str, raw: bool, as_json: bool) -> None:
    """List the snapshots."""
    found = session.run(operations.list_, sort=sort)
    if as_json:
        print_json([plain_list(*shown) for shown in found])
        return
    for snapshot, count, _ in found:
        line = f"{snapshot.name}\t{counted(count, 'package')}\t{snapshot.description}".rstrip()
        click.echo(snapshot.name if raw else line)


@snapshot.command()
@click.argument("name", type=SNAPSHOT)
@click.option("--with-packages", is_flag=True, help="List its packages, too.")
@json_option
@pass_session
def show(session: Session, name: str, with_packages: bool, as_json: bool) -> None:
    """Show a snapshot."""
    shown = session.run(operations.show, name, with_packages=with_packages)
    if as_json:
        print_json(plain_list(*shown))
        return
    snapshot, count, packages = shown
    print_fields(
        {
            "Name": snapshot.name,
            "Created": snapshot.created,
            "Description": snapshot.description,
            "Made from": snapshot.sources,
            "Protected": "yes" if snapshot.protected else "",
            "Packages": count,
        }
    )
    print_packages(packages)


@snapshot.command()
@click.argument("name", type=SNAPSHOT)
@click.option("--description", help="Description of the snapshot.")
@click.option(
    "--protected/--no-protected", default=None, help="Refuse to drop it, and never prune it."
)
@pass_session
def edit(session: Session, name: str, description: str | None, protected: bool | None) -> None:
    """Edit the description of a snapshot, and whether it is protected."""
    if description is None and protected is None:
        raise click.UsageError("say what to change: --description or --protected")
    session.run(operations.edit, name, description=description, protected=protected)
    click.echo(f"Changed snapshot {name}.")


@snapshot.command()
@click.argument("name", type=SNAPSHOT)
@search_options
@pass_session
def search(
    session: Session, name: str, queries: tuple[str, ...], choice: dict[str, Any], style: Style
) -> None:
    """Search the packages of a snapshot."""
    style.print(session.run(operations.search, name, queries, **choice), queries)


@snapshot.command()
@click.argument("left", type=SNAPSHOT)
@click.argument("right", type=SNAPSHOT)
@click.option("--only-matching", is_flag=True, help="Show only packages that are in both.")
@click.option("--markdown", is_flag=True, help="Print a table for a merge request.")
@json_option
@pass_session
def diff(
    session: Session, left: str, right: str, only_matching: bool, markdown: bool, as_json: bool
) -> None:
    """Compare two snapshots.

    Another package list is given as KIND:NAME, as in repo:stable.
    """
    changes = session.run(operations.diff, left, right, only_matching=only_matching)
    if as_json:
        print_json([{side: key and str(key) for side, key in c._asdict().items()} for c in changes])
    elif not changes:
        click.echo("The snapshots are identical.")
    else:
        print_table(
            [("", "Architecture", "Package", left, right), *map(_row, changes)], markdown=markdown
        )
        session.progress.note(_summary(changes))


def _row(change: PackageDiff) -> tuple[str, ...]:
    key = change.key
    versions = (side.version if side else "-" for side in change)
    return change.mark, key.architecture, key.name, *versions


def _summary(changes: list[PackageDiff]) -> str:
    count = {mark: sum(change.mark == mark for change in changes) for mark in "+-!"}
    return f"{count['+']} added, {count['-']} removed, {count['!']} changed."


@snapshot.command()
@click.argument("name")
@click.argument("sources", type=SNAPSHOT, nargs=-1, required=True)
@click.option(
    "--latest", is_flag=True, help="Keep the newest version, instead of the one in the last source."
)
@click.option("--no-remove", is_flag=True, help="Keep all versions.")
@pass_session
def merge(
    session: Session, name: str, sources: tuple[str, ...], latest: bool, no_remove: bool
) -> None:
    """Create a snapshot by merging others.

    For each package and architecture, the versions in the last of SOURCES replace the others.
    """
    if latest and no_remove:
        raise click.UsageError("--latest and --no-remove exclude each other")
    policy: Policy = "latest" if latest else "all" if no_remove else "rightmost"
    made = session.run(operations.merge, name, sources, policy=policy)
    _say_created(made)


@snapshot.command("filter")
@click.argument("source", type=SNAPSHOT)
@click.argument("name")
@query_arguments
@dependency_options("--with-deps")
@pass_session
def filter_(
    session: Session,
    source: str,
    name: str,
    queries: tuple[str, ...],
    dependencies: Dependencies | None,
    architectures: tuple[str, ...],
) -> None:
    """Create a snapshot of the packages of another one that match a query."""
    made = session.run(
        operations.filter_,
        source,
        name,
        queries,
        dependencies=dependencies,
        architectures=architectures,
    )
    warn_missing(made.missing)
    _say_created(made)


@snapshot.command()
@click.argument("base", type=SNAPSHOT, metavar="NAME")
@click.argument("source", type=SNAPSHOT)
@click.argument("name", metavar="DESTINATION")
@query_arguments
@dependency_options("--no-deps")
@click.option("--no-remove", is_flag=True, help="Keep other versions of the packages, too.")
@click.option(
    "--all-matches", is_flag=True, help="Include every matching version, not only the newest."
)
@dry_run_option
@why_option
@pass_session
def pull(
    session: Session,
    base: str,
    source: str,
    name: str,
    queries: tuple[str, ...],
    dependencies: Dependencies | None,
    architectures: tuple[str, ...],
    no_remove: bool,
    all_matches: bool,
    dry_run: bool,
    with_why: bool,
) -> None:
    """Create a snapshot of NAME with matching packages of SOURCE.

    Dependencies of these packages are included. Each package replaces its other versions.
    """
    made = session.run(
        operations.pull,
        base,
        source,
        name,
        queries,
        dependencies=dependencies,
        architectures=architectures,
        remove=not no_remove,
        all_matches=all_matches,
        dry_run=dry_run,
    )
    print_lines(f"removed  {key.display}" for key in made.removed)
    print_changes("added", made.added, with_why=with_why)
    warn_missing(made.missing)
    if dry_run:
        session.progress.note(f"Snapshot {name} would be created; nothing was changed.")
    else:
        _say_created(made)


def _say_created(made: CreatedSnapshot) -> None:
    click.echo(f"Created snapshot {made.snapshot.name} with {counted(made.size, 'package')}.")


@snapshot.command()
@click.argument("name", type=SNAPSHOT)
@click.argument("sources", type=SNAPSHOT, nargs=-1)
@dependency_options()
@click.option("--strict", is_flag=True, help="Fail if a dependency is missing.")
@json_option
@pass_session
def verify(
    session: Session,
    name: str,
    sources: tuple[str, ...],
    dependencies: Dependencies,
    strict: bool,
    as_json: bool,
) -> None:
    """List the dependencies of a snapshot that neither it nor SOURCES satisfy."""
    missing = session.run(operations.verify, name, sources, dependencies=dependencies)
    if as_json:
        print_json([{**one._asdict(), "key": str(one.key)} for one in missing])
    elif not missing:
        click.echo("All dependencies are satisfied.")
    else:
        print_lines(map(str, missing))
    if missing and strict:
        count = counted(len(missing), "dependency", lambda _: "dependencies")
        raise DebrepoError(f"{count} of {name} cannot be satisfied")


@snapshot.command()
@click.argument("name")
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@click.option(
    "--source", "sources", multiple=True, help="Snapshot that it is created from; can be repeated."
)
@click.option("--description", default="", help="Description of the snapshot.")
@pass_session
def assemble(
    session: Session,
    name: str,
    keys: tuple[str, ...],
    sources: tuple[str, ...],
    description: str,
) -> None:
    """Create a snapshot from package keys.

    Without keys, it contains the packages of its sources.
    "debrepo package search --json" prints keys. They contain spaces, so quote them.
    """
    made = session.run(operations.assemble, name, keys, sources=sources, description=description)
    _say_created(made)


@snapshot.command()
@click.argument("name", type=SNAPSHOT)
@click.argument("new_name")
@pass_session
def rename(session: Session, name: str, new_name: str) -> None:
    """Rename a snapshot."""
    session.run(operations.rename, name, new_name)
    click.echo(f"Renamed snapshot {name} to {new_name}.")


@snapshot.command()
@click.argument("name", type=SNAPSHOT)
@force_option
@pass_session
def drop(session: Session, name: str, force: bool) -> None:
    """Drop a snapshot; its packages stay in the pool until cleanup."""
    session.run(operations.drop, name, force=force)
    click.echo(f"Dropped snapshot {name}.")
