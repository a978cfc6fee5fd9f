"""``debrepo db repair``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, dry_run_option, json_option, print_json
from debrepo.errors import DatabaseError
from debrepo_care import operations

if TYPE_CHECKING:
    from debrepo.session import Session


@click.command()
@click.option(
    "--from",
    "places",
    metavar="DIRECTORY",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Look here first: in another root, a pool, a published tree, or a copy of one.",
)
@click.option("--deep", is_flag=True, help="Read all files, to find those that are damaged.")
@dry_run_option
@json_option
@pass_session
def repair(
    session: Session, places: tuple[Path, ...], deep: bool, dry_run: bool, as_json: bool
) -> None:
    """Bring back files that the pool has lost, from wherever else they are.

    Every file is verified before it takes its place: those of the directories that are named,
    those that are published, and those that the archives of mirrors still have.
    """
    done = session.run(operations.repair, places, deep=deep, dry_run=dry_run)
    if as_json:
        print_json({**done._asdict(), "files": [one._asdict() for one in done.files]})
    else:
        for one in done.files:
            found = f"; restored from {one.found}" if one.found else ""
            click.echo(f"{one.name}: {one.sha256} {one.fault}{found}")
    if done.lost and dry_run:
        raise DatabaseError(
            f"{counted(len(done.lost), 'file')} would be repaired if they are found",
            hint='run "debrepo db repair"',
        )
    for said in done.failed:
        session.progress.note(said)
    if done.lost:
        looked = ", ".join(done.looked) or "nowhere: there is no publication, and no mirror"
        raise DatabaseError(
            f"{counted(len(done.lost), 'file')} could not be found; looked in {looked}",
            hint='run "debrepo db repair --from DIRECTORY", or add the packages again',
        )
    session.progress.note(
        f"Repaired {counted(len(done.files), 'file')}." if done.files else "Nothing is lost."
    )
