"""``debrepo publish verify`` and ``repair``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, dry_run_option, json_option, print_json
from debrepo.errors import VerificationFailed
from debrepo.progress import Stopwatch
from debrepo_publish import operations
from debrepo_publish.cli.names import DISTRIBUTION, PLACE
from debrepo_publish.cli.revisions import traffic

if TYPE_CHECKING:
    from debrepo.session import Session

_files = click.option(
    "--files", is_flag=True, help="Also read every package file, and the indexes of dated archives."
)


@click.command()
@click.argument("distribution", type=DISTRIBUTION)
@click.argument("place", metavar="[[STORAGE:]PREFIX]", default="", type=PLACE)
@click.option("--url", default="", help="URL of the archive root, to check what clients get.")
@click.option(
    "--keyring",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Keyring to verify with instead of our own keys.",
)
@_files
@json_option
@pass_session
def verify(
    session: Session,
    distribution: str,
    place: str,
    url: str,
    keyring: Path | None,
    files: bool,
    as_json: bool,
) -> None:
    """Check a published tree as a client would, and against the database.

    Each problem is one line; with any, the exit code is 6.
    """
    watch = Stopwatch()
    found = session.run(
        operations.verify,
        distribution,
        place,
        url=url or None,
        keyring=keyring.read_bytes() if keyring else b"",
        files=files,
    )
    if as_json:
        problems = [problem._asdict() for problem in found.problems]
        print_json({**found._asdict(), "problems": problems})
    else:
        for problem in found.problems:
            click.echo(str(problem))
    session.progress.note(
        f"Checked {counted(found.indexes, 'index', lambda _: 'indexes')} "
        f"and {counted(found.files, 'package file')}, in {watch}{traffic(found.requests)}."
    )
    if found.problems:
        raise VerificationFailed(
            f"{counted(len(found.problems), 'problem')} in {found.publication}",
            hint='run "debrepo publish repair DISTRIBUTION" with the same arguments',
        )
    if not as_json:
        click.echo(f"There are no problems in {found.publication}.")


@click.command()
@click.argument("distribution", type=DISTRIBUTION)
@click.argument("place", metavar="[[STORAGE:]PREFIX]", default="", type=PLACE)
@_files
@click.option("--reconcile", is_flag=True, help="List the storage, and correct the ledger.")
@click.option("--force", is_flag=True, help="Replace an InRelease that debrepo did not write.")
@dry_run_option
@json_option
@pass_session
def repair(
    session: Session,
    distribution: str,
    place: str,
    files: bool,
    reconcile: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Repair a published tree from the pool and the database.

    A superseded file that is lost, and not in the pool, is named once and not missed again. Files
    that debrepo did not write are listed, and never deleted.
    """
    watch = Stopwatch()
    done = session.run(
        operations.repair,
        distribution,
        place,
        files=files,
        reconcile=reconcile,
        dry_run=dry_run,
        force=force,
    )
    if as_json:
        print_json({**done._asdict(), "reconciled": done.reconciled._asdict()})
    else:
        would = "would be " if dry_run else ""
        for line in done.repaired:
            click.echo(f"{would}repaired: {line}")
        for verb, paths in done.reconciled._asdict().items():
            for path in paths:
                said = "not debrepo's" if verb == "foreign" else f"{would}{verb}"
                click.echo(f"{said}: {path}")
        if done.generation:
            click.echo(f"Published {done.publication} again, as generation {done.generation}.")
        elif not done.repaired and not done.left:
            click.echo(f"There is nothing to repair in {done.publication}.")
    session.progress.note(
        f"{counted(len(done.repaired), 'problem')} repaired, {len(done.left)} left, "
        f"in {watch}{traffic(done.requests)}."
    )
    if done.left:
        for line in done.left if not as_json else ():
            click.echo(f"cannot be repaired: {line}")
        raise VerificationFailed(
            f"{counted(len(done.left), 'problem')} in {done.publication} cannot be repaired",
            hint="add missing packages again; what is superseded and gone is named this once",
        )
