"""``debrepo import reprepro``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from debrepo.cli import pass_session
from debrepo.cli.output import json_option
from debrepo_import import operations
from debrepo_import.cli.reports import LocalPath, show, way_options

if TYPE_CHECKING:
    from debrepo.session import Session


@click.command()
@click.argument("base", type=LocalPath(path_type=Path))
@way_options
@click.option("--force", is_flag=True, help="Replace lists of the same names.")
@click.option(
    "--storage", default="reprepro", show_default=True, help="Name of its directory as a storage."
)
@json_option
@pass_session
def reprepro(
    session: Session,
    base: Path,
    way: Literal["copy", "reflink", "link"],
    force: bool,
    storage: str,
    as_json: bool,
) -> None:
    """Bring everything here that reprepro keeps below BASE, while reprepro goes on.

    Each component of a distribution becomes a repository, each update rule a mirror. Options
    without a counterpart are listed. A second run brings what has changed since.
    """
    report = session.run(operations.reprepro, base, way=way, force=force, storage=storage)
    show(report, as_json)
