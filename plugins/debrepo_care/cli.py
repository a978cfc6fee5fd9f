"""``debrepo db repair``, ``export``, ``import`` and ``rebuild``."""

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


@click.command("export")
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--with-secrets", "secrets", is_flag=True, help="Write the hashes of tokens too.")
@pass_session
def export(session: Session, target: Path, secrets: bool) -> None:
    """Write everything in the database to a file, as lines of JSON.

    The file must not exist; "-" is standard output. Package files are not part of it: they are
    in the pool. Hashes of tokens are left out unless they are asked for.
    """
    done = session.run(operations.export, target, secrets=secrets)
    session.progress.note(f"Exported {counted(done.records, 'record')}.")
    if done.left_out:
        session.progress.note(
            f"Left out {', '.join(done.left_out)}, which have secrets: --with-secrets exports them"
            " as well."
        )


@click.command("import")
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@pass_session
def import_(session: Session, source: Path) -> None:
    """Make the database of a root from the lines of JSON that "debrepo db export" has written.

    The root must not have a database yet; "-" is standard input. Copy the pool as well, before
    or afterwards.
    """
    done = session.run(operations.import_, source)
    click.echo(f"Imported {counted(done.records, 'record')}.")


@click.command()
@click.option("--from-pool", "pool", is_flag=True, help="Read every package in the pool.")
@click.option(
    "--from-published", "published", is_flag=True, help="Read what is published on this machine."
)
@click.option(
    "--tree",
    "roots",
    metavar="DIRECTORY",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Read this published tree, and not those of the configured storages.",
)
@json_option
@pass_session
def rebuild(
    session: Session, pool: bool, published: bool, roots: tuple[Path, ...], as_json: bool
) -> None:
    """Make a new database from the pool and the published trees, if there is no backup.

    Each component of a distribution becomes a repository; what else the pool has goes to
    "rebuilt". The commands that publish them again are printed. Mirrors, snapshots, tokens and
    the history are lost. The database must be empty.
    """
    done = session.run(operations.rebuild, roots, pool=pool, published=published)
    if as_json:
        print_json(done._asdict())
    else:
        for name, count in done.repos.items():
            click.echo(f"{name}: {counted(count, 'package')}")
        for line in done.publish:
            click.echo(line)
        if not done.repos:
            session.progress.note("No package was found.")
    for said in done.failed:
        session.progress.note(said)
    if done.failed:
        raise DatabaseError(
            f"{counted(len(done.failed), 'file')} could not be brought back",
            hint="add these packages again",
        )
