"""Tasks: several commands that run one after the other in one process, as aptly's task run."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debrepo.cli.root import CommandFailed, printable
from debrepo.errors import DebrepoError, InvalidInput
from debrepo.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST = 16 << 20  # characters of a file


def of_words(words: Iterable[str]) -> list[list[str]]:
    """Return the commands of an argument list, where a comma ends each but the last one."""
    commands: list[list[str]] = [[]]
    for word in words:
        plain = word.removesuffix(",")
        if plain:
            commands[-1].append(plain)
        if plain != word:
            commands.append([])
    return _checked([command for command in commands if command])


def read(filename: str) -> list[list[str]]:
    """Return the commands of a file, or of standard input for ``-`` and for nothing."""
    if filename in ("", "-"):
        return _checked(_parsed(_typed() if not filename and sys.stdin.isatty() else _piped()))
    try:
        with Path(filename).open(encoding="utf-8") as file:
            text = file.read(_MOST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InvalidInput(f"cannot read the commands in {filename}: {reason}") from None
    return _checked(_parsed(_lines(text)))


def _piped() -> list[str]:
    try:
        return _lines(sys.stdin.read(_MOST + 1))
    except ValueError:
        raise InvalidInput("cannot read the commands in standard input: it is not text") from None


def _lines(text: str) -> list[str]:
    if len(text) > _MOST:
        raise InvalidInput(f"there are more than {_MOST >> 20} MiB of commands")
    return text.splitlines()


def _typed() -> list[str]:
    click.echo("Enter one command on a line, and an empty line at the end.", err=True)
    lines: list[str] = []
    while True:
        click.echo("> ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line.strip():
            return lines
        lines.append(line)


def _parsed(lines: Iterable[str]) -> list[list[str]]:
    """Return the words of each command; raise `InvalidInput` before any of them runs."""
    commands = []
    for number, line in enumerate(lines, start=1):
        try:
            words = shlex.split(line, comments=line.lstrip().startswith("#"))
        except ValueError as error:
            said = str(error).lower()
            raise InvalidInput(
                f"line {number} cannot be read: {said}: {line.strip()[:80]}"
            ) from None
        if words:
            commands.append(words)
    return commands


def _checked(commands: list[list[str]]) -> list[list[str]]:
    if not commands:
        raise InvalidInput("there is no command to run", hint='run "debrepo task run version"')
    for words in commands:
        if words[0] == "debrepo":  # as it stands in scripts
            del words[0]
        if words[:2] == ["task", "run"]:
            raise InvalidInput("task run cannot run task run", hint="name its commands instead")
    return commands


def run(ctx: click.Context, commands: Sequence[Sequence[str]], *, keep_going: bool) -> None:
    """Run commands, each as if it had been typed; raise `DebrepoError` if one fails."""
    root = ctx.find_root()
    session = root.find_object(Session)
    assert session is not None  # as a command runs
    progress, failed = session.progress, 0
    for number, words in enumerate(commands, start=1):
        said = printable(shlex.join(words))
        if failed and not keep_going:
            click.echo(f"{number}) [Skipping]: {said}")
            continue
        click.echo(f"{number}) [Running]: {said}\n\nBegin command output: {'-' * 28}")
        failed += not _succeeds(root, words)
        session.progress = progress  # one of them may have been told to be quiet
        click.echo(f"\nEnd command output: {'-' * 30}")
        _end(session)
    if failed:
        count = len(commands)
        raise DebrepoError(f"{failed} of {count} {'command' if count == 1 else 'commands'} failed")


def _succeeds(root: click.Context, words: Sequence[str]) -> bool:
    """Run one command below the context of the command line, whose session it shares."""
    assert isinstance(root.command, click.Group)
    try:
        try:
            name, command, rest = root.command.resolve_command(root, _in_order(root, words))
            if command is None or name is None:
                return False
            with command.make_context(name, rest, parent=root) as ctx:
                ctx.command.invoke(ctx)  # which a command that stands in for it has loaded
        except DebrepoError as error:
            raise CommandFailed(error) from error
    except click.exceptions.Exit as end:
        return end.exit_code == 0
    except click.ClickException as error:
        error.message = printable(error.message)  # type: ignore[misc]  # final in some clicks
        error.show()
        return False
    return True


def _in_order(root: click.Context, words: Sequence[str]) -> list[str]:
    """Return a command with its options behind it; those of the root were given already."""
    from debrepo.cli.order import in_order

    assert isinstance(root.command, click.Group)
    ordered = in_order(root.command, words)
    if ordered[0].startswith("-"):
        raise click.UsageError(f"{ordered[0][:80]} goes before task run", root)
    return ordered


def _end(session: Session) -> None:
    """Do what remains to be done after a command, where that is done here."""
    from debrepo.notices import at_the_end

    if session.used:
        at_the_end(session)
