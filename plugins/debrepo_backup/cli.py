"""``debrepo backup``, ``debrepo restore`` and ``debrepo db backup``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, dry_run_option, json_option, print_json, print_table, size
from debrepo.errors import NotFound, VerificationFailed
from debrepo.progress import Stopwatch
from debrepo_backup import operations

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_backup.making import BackupResult


class _CreatesByDefault(click.Group):
    """A group for which a place in front of everything means to create a backup there.

    A single word of letters that is no directory is taken for a mistyped command, not for a place.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {*self.commands, *ctx.help_option_names}
        if args and args[0] not in known and not _is_word(args[0]):
            args = ["create", *args]
        return super().parse_args(ctx, args)


def _is_word(text: str) -> bool:
    """Tell whether a text can only be meant for a command."""
    return text.isalpha() and not Path(text).is_dir()


@click.group(cls=_CreatesByDefault)
def backup() -> None:
    """Back up the database, the pool and the keys.

    "debrepo backup TO" is "debrepo backup create TO". TO is a directory, or a storage and a prefix:
    s3:NAME:backup.
    """


@backup.command()
@click.argument("to", metavar="TO")
@click.option(
    "--pool",
    type=click.Choice(["copy", "reference", "none"]),
    default="copy",
    show_default=True,
    help="Copy the package files, refer to where they are, or leave them to other means.",
)
@click.option("--keep", type=int, help="Delete all but so many of the newest backups afterwards.")
@click.option(
    "--with-keys",
    "recipient",
    metavar="FILE",
    type=click.File("rb"),
    help="Include the secret keys, encrypted to the public key in FILE.",
)
@json_option
@pass_session
def create(
    session: Session,
    to: str,
    pool: str,
    keep: int | None,
    recipient: BinaryIO | None,
    as_json: bool,
) -> None:
    """Create a backup while everything is in use, and write only what has changed.

    A backup counts when all of it is there. Database and configuration hold what others must not
    read, such as the hashes of tokens; secrets in the configuration are left out.
    """
    watch = Stopwatch()
    key = recipient.read() if recipient else None
    done = session.run(operations.create, to, pool=pool, keep=keep, recipient=key)
    if as_json:
        print_json(done._asdict())
    else:
        _print(done, pool)
    if done.blanked:
        session.progress.note(f"Left out, as they are secret: {', '.join(done.blanked)}.")
    session.progress.note(f"Done in {watch}.")
    if done.lacking:
        raise NotFound(
            f"{counted(len(done.lacking), 'file')} of the pool could not be backed up,"
            f" such as {done.lacking[0]}",
            hint='run "debrepo db check", and add the packages again',
        )


def _print(done: BackupResult, pool: str) -> None:
    files = f"{counted(done.files, 'package file')} ({size(done.bytes)})"
    new = f"{counted(done.new_files, 'file')} ({size(done.new_bytes)})"
    known = {"copy": f"{files}, {new} of them new", "reference": f"a reference to {files}"}
    click.echo(f"Created backup {done.id} in {done.target}.")
    click.echo(
        f"Database: {counted(done.entries, 'entry', lambda _: 'entries')}, "
        f"{counted(done.pieces, 'piece')} ({size(done.piece_bytes)}) written."
    )
    click.echo(f"Pool: {known.get(pool, 'left out')}.")
    if done.elsewhere:
        stay = "stays where it is" if done.elsewhere == 1 else "stay where they are"
        click.echo(f"{counted(done.elsewhere, 'package file')} {stay}, outside of the pool.")
    click.echo(f"Keys: {'encrypted' if done.keys else 'left out'}.")
    if done.pruned:
        click.echo(f"Deleted {counted(len(done.pruned), 'older backup')}.")


@backup.command("list")
@click.argument("target", metavar="TO")
@json_option
@pass_session
def list_(session: Session, target: str, as_json: bool) -> None:
    """List the backups in a directory or a storage."""
    found = session.run(operations.list_, target)
    if as_json:
        print_json([one._asdict() for one in found])
    elif found:
        heading = ("Id", "Created", "Root", "Entries", "Pool", "Files", "Size", "Keys")
        rows = (
            (
                one.id,
                time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.created)),
                f"{one.host}:{one.root}",
                one.entries,
                one.pool,
                f"{one.files} (lacks {one.lacking})" if one.lacking else one.files,
                size(one.bytes),
                "yes" if one.keys else "no",
            )
            for one in found
        )
        print_table([heading, *rows])


@backup.command()
@click.argument("target", metavar="TO")
@click.option("--at", default="", metavar="ID", help="Only the newest whose ID begins so.")
@click.option("--files", is_flag=True, help="Read every package file too.")
@json_option
@pass_session
def check(session: Session, target: str, at: str, files: bool, as_json: bool) -> None:
    """Check that backups are whole: everything is there, and the database can be read."""
    found = session.run(operations.check, target, at=at, files=files)
    if as_json:
        print_json([one._asdict() for one in found])
    else:
        for one in found:
            for problem in one.problems or ["whole"]:
                click.echo(f"{one.id}: {problem}")
    broken = sum(bool(one.problems) for one in found)
    if broken:
        raise VerificationFailed(
            f"{counted(broken, 'backup')} of {len(found)} cannot be restored as a whole",
            hint="delete what is damaged, and make another backup: it puts what is missing",
        )


@backup.command()
@click.argument("target", metavar="TO")
@click.option("--keep", type=int, required=True, help="Number of the newest backups to keep.")
@dry_run_option
@json_option
@pass_session
def prune(session: Session, target: str, keep: int, dry_run: bool, as_json: bool) -> None:
    """Delete all but the newest backups, and what no other one needs."""
    done = session.run(operations.prune, target, keep=keep, dry_run=dry_run)
    if as_json:
        print_json(done._asdict())
        return
    for number in done.dropped:
        click.echo(number)
    session.progress.note(
        f"{'Would delete' if dry_run else 'Deleted'} {counted(len(done.dropped), 'backup')}, "
        f"{counted(done.files, 'package file')} and {counted(done.pieces, 'piece')}; "
        f"{counted(done.kept, 'backup')} {'would stay' if dry_run else 'left'}."
    )


@click.command()
@click.argument("source", metavar="FROM")
@click.option("--at", default="", metavar="ID", help="Restore the newest whose ID begins so.")
@click.option(
    "--pool",
    metavar="DIRECTORY",
    type=click.Path(path_type=Path),
    help="Copy package files from this pool, for backups that refer to one.",
)
@json_option
@pass_session
def restore(session: Session, source: str, at: str, pool: Path | None, as_json: bool) -> None:
    """Restore a backup to the root, which has to be empty.

    FROM is a directory, or a storage and a prefix; what has to be known of the storage comes from
    --config, or from a debrepo.toml below the new root. The storages of the new root are frozen:
    nothing is published until "debrepo storage thaw". A restore that was stopped goes on when the
    command is run again.
    """
    watch = Stopwatch()
    done = session.run(operations.restore, source, at=at, pool=pool)
    if as_json:
        print_json(done._asdict())
    else:
        click.echo(
            f"Restored backup {done.id} to {done.root}: "
            f"{counted(done.entries, 'entry', lambda _: 'entries')}, "
            f"{counted(done.files, 'package file')}, in {watch}."
        )
    note = session.progress.note
    if done.blanked:
        note(f"Set again in {done.root}/debrepo.toml: {', '.join(done.blanked)}.")
    if done.keys:
        command = f"gpg --decrypt {done.keys} | debrepo --root {done.root} key import -"
        note(f"Import the secret keys: {command}")
    note(f'Nothing is published until "debrepo --root {done.root} storage thaw".')
    if done.lost:
        raise VerificationFailed(
            f"{counted(len(done.lost), 'package file')} could not be restored: {done.lost[0]}",
            hint='run "debrepo db repair --from DIRECTORY", or add the packages again',
        )


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@pass_session
def db_backup(session: Session, target: Path) -> None:
    """Back up the database alone while it is in use."""
    click.echo(f"Copied the database to {session.run(operations.database, target)}.")
