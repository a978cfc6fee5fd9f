"""``debrepo promote`` and ``debrepo publish edit``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import Name, list_names
from debrepo.cli.output import dry_run_option, json_option, print_json
from debrepo_publish import promoting_operations as operations
from debrepo_publish.cli.differences import show_difference
from debrepo_publish.cli.names import DISTRIBUTION, PLACE, published_names

if TYPE_CHECKING:
    from debrepo.session import Session

_FROM = Name(lambda session, _: [*list_names(session, "repo"), *published_names(session)])


@click.command()
@click.argument("distribution", type=DISTRIBUTION)
@click.argument("place", metavar="[[STORAGE:]PREFIX]", default="", type=PLACE)
@click.option(
    "--protected/--no-protected",
    default=None,
    help="Refuse to replace or drop what is published, unless by promote or with --yes-really.",
)
@pass_session
def edit(session: Session, distribution: str, place: str, protected: bool | None) -> None:
    """Protect a publication, or end its protection.

    Other properties change with the next update: see "debrepo publish update --help".
    """
    edited = session.run(operations.edit, distribution, place, protected=protected)
    said = "protected" if edited.options.get("protected") else "not protected"
    click.echo(f"{edited} is {said}.")


def _is_asked() -> bool:
    return sys.stdin.isatty()


@click.command()
@click.argument("source", metavar="FROM", type=_FROM)
@click.argument("distribution", type=DISTRIBUTION)
@click.argument("place", metavar="[[STORAGE:]PREFIX]", default="", type=PLACE)
@click.option("--component", "components", multiple=True, help="Component to replace, of several.")
@click.option("--name", default="", help="Name of the snapshot.  [default: FROM and the date]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@dry_run_option
@json_option
@pass_session
def promote(
    session: Session,
    source: str,
    distribution: str,
    place: str,
    components: tuple[str, ...],
    name: str,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Publish what is in a repository, or what another publication serves, as a dated snapshot.

    FROM is a repository, KIND:NAME or a publication as PLACE/DISTRIBUTION, such as ./testing. What
    clients will notice is shown first; on a terminal, you are asked whether to go on.
    """
    words = source, distribution, place
    if not as_json or dry_run:
        planned = session.run(operations.promote, *words, components=components, dry_run=True)
        if planned.difference is not None:
            show_difference(session, planned.difference, as_json=as_json)
        if dry_run:
            return
        if not yes and _is_asked():
            click.confirm(f"Publish this as {planned.publication}?", abort=True, err=True)
    done = session.run(operations.promote, *words, components=components, name=name)
    if as_json:
        print_json({**done._asdict(), "sources": dict(done.sources)})
    elif done.generation:
        snapshots = ", ".join(done.snapshots)
        click.echo(f"Published {snapshots} as {done.publication}, generation {done.generation}.")
    else:
        click.echo(f"{done.publication} has these packages already; nothing was written.")
