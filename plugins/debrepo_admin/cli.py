"""``debrepo version``, ``config``, ``plugin`` and ``db``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import Name
from debrepo.cli.output import (
    counted,
    dry_run_option,
    json_option,
    print_fields,
    print_json,
    print_table,
    size,
)
from debrepo.errors import DatabaseBusy, DatabaseError, NotFound, PluginError
from debrepo_admin import notice_operations, operations, storage_operations

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_admin.notice_operations import Notice


@click.command()
@pass_session
def version(session: Session) -> None:
    """Print the version."""
    click.echo(f"debrepo {session.run(operations.version)}")


@click.group()
def config() -> None:
    """Show and create the configuration."""


@config.command("show")
@click.option("--all", "everything", is_flag=True, help="Show all settings, with help.")
@json_option
@pass_session
def config_show(session: Session, everything: bool, as_json: bool) -> None:
    """Show every setting and where its value comes from, as a configuration file has it.

    Secrets are left out. With --all, each line ends with help.
    """
    rows = session.run(operations.config_show)
    if as_json:
        print_json([row._asdict() for row in rows])
        return
    for row in rows:
        said = f"{row.origin}: {row.help}" if everything else row.origin
        hidden = "# " if row.secret and row.value else ""
        click.echo(f"{hidden}{row.name} = {operations.toml_value(row.value)}  # {said}")


@config.command("create")
@pass_session
def config_create(session: Session) -> None:
    """Write a configuration file with all defaults, commented out."""
    click.echo(f"Wrote {session.run(operations.config_create)}.")


@click.group()
def plugin() -> None:
    """List the plugins, and the notices that they want again."""


@plugin.command("list")
@json_option
@pass_session
def plugin_list(session: Session, as_json: bool) -> None:
    """List the plugins."""
    rows = session.run(operations.plugins)
    if as_json:
        print_json([row._asdict() for row in rows])
    else:
        print_table(rows)


_ID = Name(lambda session, _: (notice.id for notice in session.call("plugin.notices")))


@plugin.command("notices")
@json_option
@pass_session
def plugin_notices(session: Session, as_json: bool) -> None:
    """List the notices that plugins want again."""
    found = session.run(notice_operations.list_)
    if as_json:
        print_json([notice._asdict() for notice in found])
    elif found:
        heading = ("Id", "Plugin", "Hook", "Failures", "Next attempt", "Error")
        rows = (
            (one.id, one.plugin, one.hook, str(one.failures), _next(one), one.error)
            for one in found
        )
        print_table([heading, *rows])


def _next(notice: Notice) -> str:
    if notice.failed:
        return "given up"
    return datetime.fromtimestamp(notice.due, UTC).isoformat(timespec="seconds")


@plugin.command("retry")
@click.argument("ids", metavar="ID...", nargs=-1, type=_ID)
@click.option("--all", "everything", is_flag=True, help="Call again for all notices.")
@pass_session
def plugin_retry(session: Session, ids: tuple[str, ...], everything: bool) -> None:
    """Call plugins again now."""
    done = session.run(notice_operations.retry, ids, everything=everything)
    if done.busy:
        raise DatabaseBusy("another process calls plugins again", hint="try again in a moment")
    click.echo(f"{counted(done.done, 'notice')} arrived.")
    if done.failed:
        raise PluginError(
            f"{counted(done.failed, 'notice')} did not", hint='run "debrepo plugin notices"'
        )


@plugin.command("give-up")
@click.argument("ids", metavar="ID...", nargs=-1, type=_ID)
@click.option("--all", "everything", is_flag=True, help="Give up all notices.")
@pass_session
def plugin_give_up(session: Session, ids: tuple[str, ...], everything: bool) -> None:
    """Give up notices that plugins want again."""
    count = session.run(notice_operations.give_up, ids, everything=everything)
    click.echo(f"Gave up {counted(count, 'notice')}.")


@click.group()
def storage() -> None:
    """Say whether storages are to be written to."""


@storage.command()
@click.option("--why", default="", help="What to tell those whose publish is refused.")
@pass_session
def freeze(session: Session, why: str) -> None:
    """Let nothing be written to storages: no publish, no drop, no move of package files."""
    session.run(storage_operations.freeze, why)
    click.echo("Storages are frozen.")


@storage.command()
@pass_session
def thaw(session: Session) -> None:
    """Let storages be written to again, as by a restored root that takes the place of the old."""
    thawed = session.run(storage_operations.thaw)
    click.echo("Storages are written to again." if thawed else "Storages were not frozen.")


@click.group()
def db() -> None:
    """Check, clean and copy the database."""


@db.command()
@click.option("--no-files", is_flag=True, help="Do not read the files of the pool.")
@click.option("--deep", is_flag=True, help="Unpack all packages, and name those that are broken.")
@json_option
@pass_session
def check(session: Session, no_files: bool, deep: bool, as_json: bool) -> None:
    """Check the database and the pool for damage."""
    found = session.run(operations.check, files=not no_files, deep=deep)
    if as_json:
        print_json(found)
    else:
        for line in found:
            click.echo(line)
    if found:
        raise DatabaseError(
            f"{counted(len(found), 'problem')} found",
            hint='run "debrepo db repair --deep" for files of the pool; remove broken packages',
        )
    session.progress.note("Everything is in order.")


@db.command()
@dry_run_option
@click.option("--no-trash", is_flag=True, help="Delete at once, what is in the trash included.")
@json_option
@pass_session
def cleanup(session: Session, dry_run: bool, no_trash: bool, as_json: bool) -> None:
    """Delete packages and files that nothing refers to.

    Packages go to the trash first. "debrepo db restore" brings them back until the time is over
    that the setting cleanup.trash gives: 7 days. What publications keep for clients is listed, and
    deleted when its grace is over.
    """
    garbage = session.run(operations.cleanup, dry_run=dry_run, trash=not no_trash)
    if as_json:
        held = [one._asdict() for one in garbage.superseded]
        print_json({**garbage._asdict(), "superseded": held})
        return
    for key in garbage.keys:
        click.echo(key)
    deleted = garbage.packages - garbage.trashed + garbage.emptied
    if garbage.trashed:
        moved = "Would move" if dry_run else "Moved"
        click.echo(f"{moved} {counted(garbage.trashed, 'package')} to the trash.")
    click.echo(
        f"{'Would delete' if dry_run else 'Deleted'} {counted(deleted, 'package')}, "
        f"{counted(garbage.chunks, 'chunk')} of package sets, {counted(garbage.files, 'file')} "
        f"({size(garbage.bytes)})."
    )
    if garbage.expired:
        click.echo(f"Deleted {counted(garbage.expired, 'superseded file')} of publications.")
    for one in garbage.superseded:
        over = f", {one.expired} of them no longer" if one.expired else ""
        click.echo(
            f"{one.publication} keeps {counted(one.generations, 'generation')} for clients{over}: "
            f"{counted(one.indexes, 'index file')} ({size(one.index_bytes)}), "
            f"{counted(one.packages, 'package file')} ({size(one.package_bytes)})."
        )


@db.command()
@click.argument("queries", metavar="[QUERY]...", nargs=-1)
@json_option
@pass_session
def trash(session: Session, queries: tuple[str, ...], as_json: bool) -> None:
    """List the packages in the trash, and until when they are kept."""
    found = session.run(operations.trash, queries)
    if as_json:
        print_json([{**one._asdict(), "key": str(one.key)} for one in found])
    elif found:
        rows = ((one.key.display, _day(one.until), size(one.size)) for one in found)
        print_table([("Package", "Until", "Size"), *rows])


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(sep=" ", timespec="minutes")[:16]


@db.command()
@click.argument("queries", metavar="[QUERY]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Bring all packages back.")
@click.option("--repo", help="Add them to this repository.")
@json_option
@pass_session
def restore(
    session: Session, queries: tuple[str, ...], everything: bool, repo: str | None, as_json: bool
) -> None:
    """Bring packages back from the trash.

    Name a repository to add them to: nothing refers to them otherwise, and the next cleanup
    moves them to the trash again.
    """
    done = session.run(operations.restore, queries, everything=everything, repo=repo)
    if as_json:
        print_json({name: [str(key) for key in keys] for name, keys in done._asdict().items()})
    else:
        where = f" to {repo}" if repo else ""
        click.echo(f"Restored {counted(len(done.packages), 'package')}{where}.")
    if done.lost:
        names = ", ".join(key.display for key in done.lost[:_MOST_NAMES])
        raise NotFound(
            f"files of {counted(len(done.lost), 'package')} are gone: {names}",
            hint='run "debrepo repo add NAME FILE"',
        )


_MOST_NAMES = 5


@db.command()
@click.argument("target", metavar="TO", type=click.Path())
@json_option
@pass_session
def copy(session: Session, target: str, as_json: bool) -> None:
    """Copy the database entry by entry to a new directory, or to the database of a URL.

    A directory is in LMDB's format, that of LMDB 0.9; a URL is what the setting database.url may
    have, such as postgresql://USER@HOST/DATABASE. Both sides are compared by count and hash in the
    end; until then, the copy is no database. A copy that is interrupted goes on when the command is
    run again, and brings along what was written meanwhile.
    """
    found = session.run(operations.copy, target)
    if as_json:
        print_json(found._asdict())
        return
    click.echo(
        f"Copied state {found.serial} to {found.target}: "
        f"{counted(found.entries, 'entry', lambda _: 'entries')}, of which {found.written} were"
        f" written now. Both sides have the hash {found.digest}."
    )
    for step in found.following:
        click.echo(f"- {step}")


@db.command()
@json_option
@pass_session
def stats(session: Session, as_json: bool) -> None:
    """Show what takes the space: by list, in the pool, in the database, and by month."""
    found = session.run(operations.stats)
    if as_json:
        plain = {
            name: [row._asdict() for row in value] if isinstance(value, list) else value
            for name, value in found._asdict().items()
        }
        print_json(plain)
        return
    if found.lists:
        rows = ((one.name, one.packages, size(one.bytes), size(one.only)) for one in found.lists)
        print_table([("List", "Packages", "Size", "Only here"), *rows])
    totals = {
        "In several lists": found.shared,
        "In publications alone": found.past,
        "In the trash": found.trash,
        "Of no package": found.others,
        "Garbage": found.garbage,
        "Pool": found.pool,
        "Database": found.database,
    }
    print_fields({name: size(total) for name, total in totals.items()})
    if found.growth:
        months = ((one.month, one.files, size(one.bytes)) for one in found.growth)
        print_table([("Month", "Files", "Size"), *months])
    tables = sorted((one for one in found.tables if one.records), key=lambda one: -one.bytes)
    if tables:
        sizes = ((one.name, one.records, size(one.bytes)) for one in tables)
        print_table([("Table", "Records", "Size"), *sizes])
