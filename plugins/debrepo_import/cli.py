"""``debrepo import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, json_option, print_json, size
from debrepo_import import operations

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_import.report import ImportReport


@click.group("import")
def import_() -> None:
    """Bring archives of other tools here."""


@import_.command()
@click.argument("root", type=click.Path(path_type=Path))
@json_option
@pass_session
def aptly(session: Session, root: Path, as_json: bool) -> None:
    """Bring everything here that aptly keeps below ROOT, while aptly uses it."""
    show(session.run(operations.aptly, root), as_json)


def show(report: ImportReport, as_json: bool) -> None:
    """Print what an import has done."""
    if as_json:
        remarks = [remark._asdict() for remark in report.remarks]
        print_json({**report._asdict(), "remarks": remarks})
        return
    for word, names in (("created", report.created), ("changed", report.changed)):
        for name in names:
            click.echo(f"{word:8} {name.replace(':', ' ', 1)}")
    for remark in report.remarks:
        click.echo(str(remark), err=True)
    click.echo(
        f"Brought {counted(report.packages, 'package')} and {counted(report.files, 'file')}"
        f" ({size(report.bytes)}); {counted(report.unchanged, 'list')} unchanged."
    )
