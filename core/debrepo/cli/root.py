"""The command line: a root group, and commands that import themselves when run."""

from __future__ import annotations

import os
import sys
from copy import copy
from errno import EBADF, EDQUOT, EFBIG, EIO, ENOSPC
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from debrepo import __version__
from debrepo.errors import DebrepoError, PluginError
from debrepo.plugins import load_plugins
from debrepo.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from pluggy import PluginManager

    from debrepo.refs import Command, Ref

pass_session = click.make_pass_decorator(Session)


class LazyCommand(click.Command):
    """A command that stands in for another until the moment it is run.

    Listing it costs nothing; making its context, which click does to run it, to show
    its help or to complete its options, imports the real one.
    """

    def __init__(self, name: str, ref: Ref, plugin: str) -> None:
        super().__init__(name, short_help=ref.summary, add_help_option=False)
        self.ref = ref
        self.plugin = plugin
        self.extras: list[LazyCommand] = []

    def load(self) -> click.Command:
        """Import the real command; commands of other plugins join a copy of it, under new names."""
        command: click.Command = self.ref.load()
        if isinstance(command, click.Group) and self.extras:
            command = copy(command)  # the module's own may serve another command line, too
            command.commands = dict(command.commands)
            for extra in self.extras:
                name = extra.name or ""
                if name in command.commands:
                    raise _clash(f"{self.name} {name}", self.plugin, extra.plugin)
                command.add_command(extra)
        return command

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        return self.load().make_context(info_name, args, parent, **extra)


class CommandFailed(click.ClickException):
    """A `DebrepoError` on its way to the terminal."""

    def __init__(self, error: DebrepoError) -> None:
        text = f"{error}\nHint: {error.hint}" if error.hint else str(error)
        super().__init__(_printable(text))
        self.exit_code = error.exit_code  # type: ignore[misc]


def _printable(text: str) -> str:
    """Return ``text`` without what would play tricks on a terminal, and without endless words."""
    if text.isascii() and text.isprintable() and len(text) < _LONGEST_WORD:
        return text
    words = (w if len(w) < _LONGEST_WORD else f"{w[:80]}…" for w in text.split(" "))
    shown = (c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in " ".join(words))
    return "".join(shown)


_LONGEST_WORD = 300  # characters; longer than most file names


class _Location(click.Path):
    """A path; a command that only prints help does not import `pathlib`."""

    def coerce_path_result(self, value: Any) -> Any:
        from pathlib import Path

        return Path(value)


class RootGroup(click.Group):
    """The ``debrepo`` group, and the one place where errors become exit codes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for word in args:
            try:
                word.encode()
            except UnicodeEncodeError:  # such a name could be stored and printed nowhere
                raise click.UsageError(f"{ascii(word)[:80]} is not UTF-8") from None
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DebrepoError as error:
            raise CommandFailed(error) from error
        except click.ClickException as error:
            error.message = _printable(error.message)  # type: ignore[misc]  # final in some clicks
            raise
        except BrokenPipeError:  # ``debrepo package search … | head``
            _give_up_output()
            ctx.exit(0)


def _give_up_output() -> None:
    """Let nothing of what could not be printed fail once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_OUTPUT_FAILS = {ENOSPC, EDQUOT, EFBIG, EIO, EBADF}
_WIDEST = 100  # columns of help


def build_cli(plugins: PluginManager) -> click.Group:
    """Return the command line these plugins make."""

    @click.group(
        "debrepo",
        cls=RootGroup,
        # The object is a session, from the moment the command line runs; Tab does not run it.
        context_settings={"max_content_width": _WIDEST, "obj": plugins},
    )
    @click.version_option(__version__)
    @click.option(
        "--root",
        metavar="DIRECTORY",
        type=_Location(readable=False),  # the session says what is wrong
        default=lambda: os.path.expanduser("~/.debrepo"),  # noqa: PTH111
        envvar="DEBREPO_ROOT",
        help="Directory of the database and the pool.  [default: ~/.debrepo]",
    )
    @click.option(
        "--config",
        "config_path",
        type=_Location(exists=True, dir_okay=False),
        envvar="DEBREPO_CONFIG",
        help="Configuration file to read instead of debrepo.toml below the root.",
    )
    @click.option(
        "--server",
        default="",
        envvar="DEBREPO_SERVER",
        help="Run the command on a server: http://HOST:PORT or unix:PATH (token in DEBREPO_TOKEN).",
    )
    @click.option("--quiet", "-q", is_flag=True, help="Print only results and errors.")
    @click.pass_context
    def debrepo(
        ctx: click.Context, root: Path, config_path: Path | None, server: str, quiet: bool
    ) -> None:
        """Manage Debian package repositories."""
        progress = _progress(quiet=quiet)
        if server:
            from debrepo.remote.session import RemoteSession

            more: dict[str, Any] = {"config_path": config_path, "progress": progress}
            ctx.obj = RemoteSession(server, root.absolute(), plugins, os.environ, **more)
        else:
            ctx.obj = Session(root.absolute(), plugins, config_path=config_path, progress=progress)
        ctx.call_on_close(ctx.obj.close)
        if not server:
            ctx.call_on_close(partial(_end, ctx.obj))

    commands: list[tuple[Command, str]] = []
    for plugin in plugins.hook.debrepo_commands.get_hookimpls():
        brought: Any = plugin.function() or ()
        commands += ((command, str(plugin.plugin_name)) for command in brought)
    for command, whose in sorted(commands, key=lambda each: each[0].name.count(" ")):
        _add(debrepo, command, whose)
    return debrepo


def _end(session: Session) -> None:
    """Let plugins do what remains to be done after a command that used the database."""
    if session.used and session.hook.debrepo_command_ended.get_hookimpls():
        from debrepo.notices import tell

        tell(session, "debrepo_command_ended")


def _progress(*, quiet: bool) -> Any:
    from debrepo.progress import PlainProgress, Progress, TerminalProgress

    if quiet:
        return Progress()
    return TerminalProgress() if sys.stderr.isatty() else PlainProgress()


def _add(group: click.Group, command: Command, plugin: str) -> None:
    *path, name = command.name.split()
    made = LazyCommand(name, command.ref, plugin)
    if not path:
        known = group.commands.get(name)
        if isinstance(known, LazyCommand):
            raise _clash(name, known.plugin, plugin)
        group.add_command(made)
        return
    parent = group.commands.get(path[0])
    if isinstance(parent, LazyCommand):  # else the plugin that owns the group is disabled
        for extra in parent.extras:
            if extra.name == name:
                raise _clash(command.name, extra.plugin, plugin)
        parent.extras.append(made)


def _clash(name: str, one: str, other: str) -> PluginError:
    return PluginError(
        f"plugins {one} and {other} both bring the command {name}",
        hint=f"disable one with DEBREPO_DISABLE={other}",
    )


def main() -> None:
    """Run ``debrepo``."""
    try:
        cli = build_cli(load_plugins(os.environ.get("DEBREPO_DISABLE", "").split(",")))
    except PluginError as error:
        CommandFailed(error).show()
        sys.exit(error.exit_code)
    try:
        cli(prog_name="debrepo", terminal_width=_width())
    except OSError as error:  # those of files have been translated, or name theirs
        if error.filename is not None or error.errno not in _OUTPUT_FAILS:
            raise
        lost = CommandFailed(DebrepoError(f"cannot write the output: {error.strerror}"))
        _give_up_output()
        lost.show()
        sys.exit(lost.exit_code)


def _width() -> int:
    """Return how wide help may be; click would import `shutil`, and all its compressors, to ask."""
    try:
        columns = int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(1).columns
    except (OSError, ValueError):
        columns = 80
    return max(min(columns, _WIDEST) - 2, 50)
