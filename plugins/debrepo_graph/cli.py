"""``debrepo graph``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import Name
from debrepo.errors import InvalidInput
from debrepo_graph import operations

if TYPE_CHECKING:
    from debrepo.session import Session


@click.command()
@click.argument("names", metavar="[KIND:NAME]...", nargs=-1, type=Name(operations.names))
@click.option(
    "--format",
    "form",
    type=click.Choice(sorted(operations.EXTENSIONS)),
    help="Format of the drawing.  [default: by the extension of --output, else text]",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; its extension sets the format.",
)
@click.option(
    "--layout",
    type=click.Choice(["horizontal", "vertical"]),
    help="Direction of the drawing.  [default: by its size]",
)
@click.option(
    "--gather",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    metavar="N",
    help="Group N or more nodes with the same neighbours in one frame; 0: never.",
)
@click.option(
    "--link",
    default=operations.LINK,
    show_default=True,
    help="URL that nodes link to, with {kind} and {name} in it.",
)
@pass_session
def graph(
    session: Session,
    names: tuple[str, ...],
    form: str | None,
    output: Path | None,
    layout: str | None,
    gather: int,
    link: str,
) -> None:
    """Draw how package lists and publications derive from each other.

    Shows the contents and the age of repositories, mirrors, snapshots and publications: of all,
    or of those connected with KIND:NAME, such as repo:stable.

    svg, png, jpg and pdf need Graphviz; text, dot, mermaid and json need nothing.
    """
    known = operations.EXTENSIONS
    extension = output.suffix[1:].lower() if output else "text"
    wanted = known.get(extension if output else "") or known.get(form or extension)
    if wanted is None:
        raise InvalidInput(
            f"cannot tell the format from the name {str(output)[:80]!r}",
            hint=f"use --format, or one of these endings: {', '.join(sorted(known))}",
        )
    if output and form and known.get(form) != wanted:
        click.echo(f"Warning: --format has no effect: {output.name} will be {wanted}.", err=True)
    if wanted in {"png", "jpg", "pdf"} and output is None and sys.stdout.isatty():
        raise click.UsageError(f"a terminal cannot show {wanted}; name a file with --output")
    picture = session.run(
        operations.draw, names, form=wanted, layout=layout or "", gather=gather, link=link
    )
    if output is None:
        click.echo(picture.content, nl=False)
        return
    try:
        output.write_bytes(picture.content)
    except OSError as error:
        raise InvalidInput(f"cannot write {str(output)[:80]!r}: {error.strerror}") from None
    session.progress.note(f"Drew {output}.")
