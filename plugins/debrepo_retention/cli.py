"""``debrepo repo prune`` and ``debrepo repo retention``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import Name, of_lists
from debrepo.cli.options import QueryText
from debrepo.cli.output import (
    counted,
    dry_run_option,
    json_option,
    print_fields,
    print_json,
    print_lines,
    print_table,
)
from debrepo.errors import InvalidInput
from debrepo_retention import operations
from debrepo_retention.policies import PER

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.session import Session
    from debrepo_retention.operations import Pruned, ShownRetention

REPO = of_lists("repo")
HELD = Name(lambda session, _: (shown.repo for shown in operations.list_(session)))


def _terms(*, required: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add what says which versions stay."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for add in (
            click.option(
                "--except",
                "excepts",
                multiple=True,
                type=QueryText(),
                metavar="QUERY",
                help="Keep what matches this query, whatever its version.",
            ),
            click.option(
                "--query",
                "queries",
                multiple=True,
                type=QueryText(),
                metavar="QUERY",
                help="Count and remove only versions that match this query.",
            ),
            click.option(
                "--min-age",
                default="",
                metavar="SPAN",
                help="Keep what joined the repository less than this ago: 12h, 30d, 4w, 1y.",
            ),
            click.option(
                "--per",
                type=click.Choice(PER),
                default="source",
                show_default=True,
                help="Count versions of source packages, or of each binary package.",
            ),
        ):
            command = add(command)
        said = "" if required else "  [default: as the policy of the repository says]"
        keep = click.option(
            "--keep",
            type=int,
            required=required,
            metavar="N",
            help=f"Number of newest versions to keep.{said}",
        )
        decorated: Callable[..., Any] = keep(command)
        return decorated

    return decorate


@click.command()
@click.argument("name", required=False, type=REPO)
@click.option("--all", "everything", is_flag=True, help="Prune all repositories with a policy.")
@_terms(required=False)
@dry_run_option
@json_option
@pass_session
def prune(
    session: Session,
    /,
    name: str | None,
    everything: bool,
    dry_run: bool,
    as_json: bool,
    **terms: Any,
) -> None:
    """Remove old versions from a repository.

    The newest versions stay, in Debian's order, and what the policy of the repository excepts:
    see "debrepo repo retention". Binary packages and debug symbols stay with their source.
    Snapshots and publications keep what they have.
    """
    if everything == bool(name):
        raise click.UsageError("name either a repository or --all")
    if everything and terms["keep"] is not None:
        raise InvalidInput("--all goes by the policy of each repository", hint="leave out --keep")
    names = [one.repo for one in session.run(operations.list_)] if everything else [name or ""]
    done = [session.run(operations.prune, one, dry_run=dry_run, **terms) for one in names]
    if as_json:
        plain = [_plain(one) for one in done]
        print_json(plain if everything else plain[0])
        return
    if not done:
        session.progress.note("No repository has a retention policy.")
    for one in done:
        print_lines(f"pruned   {key.display}" for key in one.removed)
        session.progress.note(_said(one, dry_run=dry_run))


def _said(done: Pruned, *, dry_run: bool) -> str:
    word = "would be pruned" if dry_run else "pruned"
    parts = [f"{counted(len(done.removed), 'package')} {word}", f"{done.kept:,} kept"]
    parts += [f"{len(done.young):,} too young"] if done.young else []
    parts += [f"{len(done.excepted):,} excepted"] if done.excepted else []
    return f"{done.repo}: {', '.join(parts)}" + ("; nothing was changed." if dry_run else ".")


def _plain(done: Pruned) -> dict[str, object]:
    found: dict[str, object] = dict(done._asdict())
    for what in ("removed", "young", "excepted"):
        found[what] = [str(key) for key in getattr(done, what)]
    return found


@click.group()
def retention() -> None:
    """Manage what repositories keep of old versions.

    A repository with a policy is held to it whenever packages are added, copied or uploaded.
    """


@retention.command("set")
@click.argument("name", type=REPO)
@_terms(required=True)
@pass_session
def set_(session: Session, /, name: str, **terms: Any) -> None:
    """Set the retention policy of a repository.

    It holds for what is added from now on; "debrepo repo prune NAME" applies it at once.
    """
    session.run(operations.set_, name, **terms)
    click.echo(f"Set the retention policy of {name}.")


@retention.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the retention policies."""
    found = session.run(operations.list_)
    if as_json:
        print_json([one._asdict() for one in found])
    elif found:
        print_table((one.repo, _line(one)) for one in found)


def _line(shown: ShownRetention) -> str:
    parts = [f"--keep {shown.keep}", f"--per {shown.per}"]
    parts += [f"--min-age {shown.min_age}"] if shown.min_age else []
    parts += [f"--query '{text}'" for text in shown.queries]
    parts += [f"--except '{text}'" for text in shown.excepts]
    return " ".join(parts)


@retention.command()
@click.argument("name", type=HELD)
@json_option
@pass_session
def show(session: Session, name: str, as_json: bool) -> None:
    """Show the retention policy of a repository."""
    shown = session.run(operations.show, name)
    if as_json:
        print_json(shown._asdict())
        return
    print_fields(
        {
            "Repository": shown.repo,
            "Versions": f"{shown.keep} per {shown.per}",
            "Minimum age": shown.min_age,
            "Considered": " | ".join(shown.queries),
            "Excepted": " | ".join(shown.excepts),
        }
    )


@retention.command()
@click.argument("name", type=HELD)
@pass_session
def drop(session: Session, name: str) -> None:
    """Drop the retention policy of a repository; its packages stay."""
    session.run(operations.drop, name)
    click.echo(f"Dropped the retention policy of {name}.")
