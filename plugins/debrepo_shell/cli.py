"""``debrepo completion`` and ``debrepo man``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted
from debrepo.errors import InvalidInput
from debrepo_shell import operations
from debrepo_shell.scripts import SCRIPTS

if TYPE_CHECKING:
    from debrepo.session import Session


@click.command()
@click.argument("shell", type=click.Choice(list(SCRIPTS)))
@pass_session
def completion(session: Session, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash: debrepo completion bash >~/.local/share/bash-completion/completions/debrepo
    fish: debrepo completion fish >~/.config/fish/completions/debrepo.fish
    zsh:  debrepo completion zsh >DIRECTORY-IN-FPATH/_debrepo

    It completes commands, options, and the names of repositories, snapshots, publications and
    keys.
    """  # noqa: D301  # \b tells click to keep the lines of the paragraph
    click.echo(session.run(operations.completion, shell), nl=False)


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@pass_session
def man(session: Session, directory: Path) -> None:
    """Write the manual pages.

    DIRECTORY is a directory of manual pages, such as ~/.local/share/man. Each command has a
    page, such as debrepo-repo-add(1); debrepo.toml(5) describes the configuration.
    """
    pages = session.run(operations.man)
    try:
        for name, text in pages.items():
            path = directory / f"man{name[-1]}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot write {error.filename}: {error.strerror}") from None
    session.progress.note(f"Wrote {counted(len(pages), 'manual page')} below {directory}.")


@click.group()
def task() -> None:
    """Run several commands in one process."""


@task.command("run")
@click.argument("words", metavar="[COMMAND, ...]", nargs=-1)
@click.option("--filename", default="", help="Read commands from a file; - is standard input.")
@click.option("--keep-going", is_flag=True, help="Run the commands after one that fails, too.")
@click.pass_context
def run(ctx: click.Context, words: tuple[str, ...], filename: str, keep_going: bool) -> None:
    """Run several commands one after the other, until one fails.

    \b
    debrepo task run repo create tools, repo add tools packages/
    debrepo task run -- repo create tools --component extra, repo list
    debrepo task run --filename commands.txt

    As arguments, commands are separated by commas at the end of a word, and "--" stands before
    them if they have options. A file has one on a line, with quotes as in a shell; empty lines
    and lines that begin with # do not count. Without either, commands are read from standard
    input, on a terminal until an empty line. The database is opened once for all of them.
    """  # noqa: D301  # \b tells click to keep the lines of the paragraph
    from debrepo_shell import tasks

    if words and filename:
        raise click.UsageError("give either commands or --filename")
    commands = tasks.of_words(words) if words else tasks.read(filename)
    tasks.run(ctx, commands, keep_going=keep_going)
