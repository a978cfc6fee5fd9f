"""``debrepo aptly``: aptly's command line."""

from __future__ import annotations

import click

from debrepo.cli import pass_session
from debrepo.session import Session  # noqa: TC001  # click looks at it


class _Verbatim(click.Command):
    """A command that takes all words as they are: options with one dash are not click's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args == ["--help"]:
            click.echo(ctx.get_help())
            ctx.exit()
        ctx.params["words"] = tuple(args)
        return []


@click.command(cls=_Verbatim, add_help_option=False)
@click.argument("words", metavar="[AN APTLY COMMAND LINE]", nargs=-1)
@click.pass_context
@pass_session
def aptly(session: Session, ctx: click.Context, words: tuple[str, ...]) -> None:
    """Run a command line of aptly's: alias aptly='debrepo aptly'.

    Options have one dash and stand before arguments, the exit status is 0, 1 or 2, and output has
    aptly's form.
    """
    from debrepo_aptly.shadow.running import run

    ctx.exit(run(session, words))
