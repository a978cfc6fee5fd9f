"""What commands that bring archives have in common: options, and what was brought."""

from __future__ import annotations

import os
from errno import ENAMETOOLONG
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from debrepo.cli.output import counted, print_json, size
from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo_import.report import ImportReport


class LocalPath(click.Path):
    """A path that a file can have."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            os.lstat(value)
        except ValueError:
            raise InvalidInput(f"no file can be called {os.fspath(value)[:80]!r}") from None
        except OSError as error:
            if error.errno == ENAMETOOLONG:
                raise InvalidInput(f"{os.fspath(value)[:80]}… is too long for a path") from None
        return super().convert(value, param, ctx)


def way_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says how files get into the pool; the command gets it as ``way``."""

    @wraps(command)
    def collect(*args: Any, link: bool, reflink: bool, **given: Any) -> Any:
        if link and reflink:
            raise click.UsageError("--link and --reflink exclude each other")
        way = "link" if link else "reflink" if reflink else "copy"
        return command(*args, way=way, **given)

    help_ = "Share the blocks of files, or fail; a copy shares them where it can."
    decorated = click.option("--reflink", is_flag=True, help=help_)(collect)
    help_ = "Link the files of both pools: what changes one changes the other."
    return click.option("--link", is_flag=True, help=help_)(decorated)


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
