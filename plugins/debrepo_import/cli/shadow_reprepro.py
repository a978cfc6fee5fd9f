"""``debrepo reprepro``: the command line of reprepro."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo_import import operations

if TYPE_CHECKING:
    from debrepo.session import Session


class _Verbatim(click.Command):
    """A command that shows debrepo's help where nothing but that is asked for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args == ["--help"]:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)


@click.command(
    "reprepro",
    cls=_Verbatim,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    add_help_option=False,
)
@click.argument("words", metavar="[OPTION]... COMMAND [WORD]...", nargs=-1, type=click.UNPROCESSED)
@pass_session
def shadow_reprepro(session: Session, words: tuple[str, ...]) -> None:
    """Run a command of reprepro on what was imported from its base.

    The options, the output and the exit codes are those of reprepro. So scripts go on with
    `alias reprepro='debrepo reprepro'`.
    """
    done = session.run(operations.run_reprepro, words)
    for line in done.said:
        click.echo(line)
    for line in done.complaints:
        click.echo(line, err=True)
    if done.code:
        raise SystemExit(done.code)
