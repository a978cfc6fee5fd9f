"""``debrepo import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, json_option, print_json
from debrepo.errors import Conflict, RemoteError, VerificationFailed
from debrepo_import import operations
from debrepo_import.cli.exports import export
from debrepo_import.cli.reports import LocalPath, show, way_options
from debrepo_import.cli.reprepro import reprepro
from debrepo_import.cli.shadow_reprepro import shadow_reprepro
from debrepo_import.cli.trees import tree

__all__ = ["export", "import_", "shadow_reprepro"]

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.session import Session
    from debrepo_import.report import Remark


@click.group("import")
def import_() -> None:
    """Bring archives of other tools here."""


import_.add_command(reprepro)
import_.add_command(tree)


def renames(_ctx: Any, _param: Any, given: tuple[str, ...]) -> dict[str, str]:
    """Return new names of lists by ``kind:name``."""
    found = {}
    for text in given:
        old, mark, new = text.rpartition("=")
        if not mark or ":" not in old or not new:
            raise click.BadParameter(f"{text!r} is not KIND:OLD=NEW, such as repo:a/b=a-b")
        found[old] = new
    return found


rename_option = click.option(
    "--rename",
    "renamed",
    metavar="KIND:OLD=NEW",
    multiple=True,
    callback=renames,
    help="Give a list another name here.",
)


@import_.command()
@click.argument("root", required=False, type=LocalPath(path_type=Path))
@click.option("--config", type=LocalPath(path_type=Path), help="Configuration file of aptly.")
@way_options
@rename_option
@click.option("--force", is_flag=True, help="Replace lists of the same names.")
@click.option("--prune", is_flag=True, help="Drop what was imported and is no longer there.")
@click.option("--recover", is_flag=True, help="Bring what can be read of a damaged database.")
@click.option("--watch", is_flag=True, help="Go on importing what changes, until it is stopped.")
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Seconds between two looks at aptly, with --watch; no effect without it.",
)
@json_option
@pass_session
def aptly(
    session: Session,
    root: Path | None,
    config: Path | None,
    way: Literal["copy", "reflink", "link"],
    renamed: dict[str, str],
    force: bool,
    prune: bool,
    recover: bool,
    watch: bool,
    every: int,
    as_json: bool,
) -> None:
    """Bring everything here that aptly keeps below ROOT, while aptly uses it.

    A second run brings what has changed since. What cannot be brought is listed, and is no error.
    """
    how: dict[str, Any] = {
        "config": config,
        "way": way,
        "renamed": renamed,
        "force": force,
        "prune": prune,
        "recover": recover,
    }
    if watch:
        _watch(session, root, how, every, as_json=as_json)
    else:
        show(session.run(operations.aptly, root, **how), as_json)


def _watch(
    session: Session, root: Path | None, how: Mapping[str, Any], every: int, *, as_json: bool
) -> None:
    """Import again and again; say what is new."""
    from debrepo_import.aptly import configuration, watching

    database = configuration.load(*configuration.found(root, how["config"])).database
    said: frozenset[Remark] = frozenset()
    while True:
        before = watching.state(database)
        try:
            report = session.run(operations.aptly, root, **how)
        except (Conflict, RemoteError) as error:  # aptly is busy; the next time may do
            session.progress.note(f"Warning: {error}")
        else:
            new = tuple(remark for remark in report.remarks if remark not in said)
            said = frozenset(report.remarks)
            if new or report.created or report.changed:
                show(report._replace(remarks=new), as_json)
        watching.wait(database, before, every)


@import_.command()
@click.argument("root", required=False, type=LocalPath(path_type=Path))
@click.option("--config", type=LocalPath(path_type=Path), help="Configuration file of aptly.")
@rename_option
@click.option("--files", is_flag=True, help="Read the files in the pool, too.")
@json_option
@pass_session
def check(
    session: Session,
    root: Path | None,
    config: Path | None,
    renamed: dict[str, str],
    files: bool,
    as_json: bool,
) -> None:
    """Compare what aptly keeps below ROOT with what is here, list by list and file by file."""
    checked = session.run(operations.check, root, config=config, renamed=renamed, files=files)
    if as_json:
        rows = [difference._asdict() for difference in checked.differences]
        print_json({**checked._asdict(), "differences": rows})
    else:
        for difference in checked.differences:
            click.echo(str(difference))
    compared = f"{counted(checked.lists, 'list')} with {counted(checked.packages, 'package')}"
    if checked.differences:
        count = len(checked.differences)
        raise VerificationFailed(
            f"{counted(count, 'difference')} in {compared}",
            hint='run "debrepo import aptly", which brings what is missing',
        )
    if not as_json:
        click.echo(f"The same: {compared}.")
