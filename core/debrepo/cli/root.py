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
from debrepo.late_plugins import load
from debrepo.refs import Command, answer, without
from debrepo.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from pluggy import PluginManager

    from debrepo.refs import Ref

pass_session = click.make_pass_decorator(Session)


class LazyCommand(click.Command):
    """A command that stands in for another until the moment it is run.

    Listing it costs nothing; making its context, which click does to run it, to show
    its help or to complete its options, imports the real one.
    """

    def __init__(self, path: str, ref: Ref, plugin: str) -> None:
        self.path = path.split()
        super().__init__(self.path[-1], short_help=ref.summary, add_help_option=False)
        self.ref = ref
        self.plugin = plugin
        self.extras: list[LazyCommand] = []

    def join(self, extra: LazyCommand) -> None:
        """Let a command of another plugin appear in this group, or in one below it."""
        for other in self.extras:
            if other.path == extra.path:
                raise _clash(extra, other.plugin)
            if other.path == extra.path[: len(other.path)]:
                other.join(extra)
                return
        self.extras.append(extra)

    def load(self) -> click.Command:
        """Import the real command; commands of other plugins join a copy of it, under new names."""
        command: click.Command = self.ref.load()
        if not isinstance(command, click.Command):
            raise PluginError(
                f"plugin {self.plugin} brings the command {' '.join(self.path)}, but"
                f" {self.ref.target} is no click command",
                hint=without(self.plugin),
            )
        _let_be_quiet(command)
        if not self.extras:
            return command
        joined = {self.path[-1]: command}
        for extra in self.extras:
            commands = joined  # a module's own may serve another command line, too: copy them
            for name in extra.path[len(self.path) - 1 : -1]:
                group = copy(commands.get(name))
                if not isinstance(group, click.Group):
                    raise PluginError(
                        f"plugin {extra.plugin} brings the command {' '.join(extra.path)},"
                        f" but {' '.join(extra.path[:-1])} is no group of commands",
                        hint=without(extra.plugin),
                    )
                group.commands = dict(group.commands)
                commands[name] = group
                commands = group.commands
            if extra.path[-1] in commands:
                raise _clash(extra, self.plugin)
            commands[extra.path[-1]] = extra
        return joined[self.path[-1]]

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        return self.load().make_context(info_name, args, parent, **extra)


def _be_quiet(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    session = ctx.find_object(Session)
    if value and session is not None:  # which it is while a shell completes
        from debrepo.progress import Progress

        session.progress = Progress()


#: ``-q`` after a command; the help of the root has it, before the command.
_QUIET = click.Option(
    ["--quiet", "-q"],
    is_flag=True,
    hidden=True,
    expose_value=False,
    callback=_be_quiet,
    help="Print only results and errors.",
)


def _let_be_quiet(command: click.Command) -> None:
    """Let a command, or all of a group, take ``-q`` as the root does."""
    if isinstance(command, click.Group):
        for one in command.commands.values():
            _let_be_quiet(one)
    elif not isinstance(command, LazyCommand) and _QUIET not in command.params:
        taken = {name for option in command.params for name in option.opts}
        if taken.isdisjoint(_QUIET.opts):
            command.params.append(_QUIET)


class CommandFailed(click.ClickException):
    """A `DebrepoError` on its way to the terminal."""

    def __init__(self, error: DebrepoError) -> None:
        text = f"{error}\nHint: {error.hint}" if error.hint else str(error)
        super().__init__(printable(text))
        self.exit_code = error.exit_code  # type: ignore[misc]


def printable(text: str) -> str:
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

    failure: PluginError | None = None  #: of a plugin that could not name its commands

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        if self.failure is not None:
            formatter.write_paragraph()
            formatter.write_text(f"Error: {printable(str(self.failure))}")
            formatter.write_text(f"Hint: {self.failure.hint}")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for word in args:
            try:
                word.encode()
            except UnicodeEncodeError:  # such a name could be stored and printed nowhere
                raise click.UsageError(f"{ascii(word)[:80]} is not UTF-8") from None
        if self._has_options_ahead(args):
            from debrepo.cli.order import in_order  # which most command lines do without

            args = in_order(self, args)
        return super().parse_args(ctx, args)

    def _has_options_ahead(self, args: list[str]) -> bool:
        """Return whether an option may stand before its command: it is cheap to be wrong."""
        first = next((place for place, word in enumerate(args) if word in self.commands), -1)
        before = [word.partition("=")[0] for word in args[: max(first, 0)] if word[:1] == "-"]
        own = {name for option in self.params for name in (*option.opts, *option.secondary_opts)}
        behind = args[first + 1 : first + 2] if first >= 0 else []
        return not own.issuperset(before) or (bool(behind) and behind[0][:1] == "-")

    def invoke(self, ctx: click.Context) -> Any:
        try:
            if self.failure is not None:
                raise self.failure
            return super().invoke(ctx)
        except DebrepoError as error:
            raise CommandFailed(error) from error
        except click.ClickException as error:
            error.message = printable(error.message)  # type: ignore[misc]  # final in some clicks
            raise
        except BrokenPipeError:  # ``debrepo package search … | head``
            _give_up_output()
            ctx.exit(0)


def _give_up_output() -> None:
    """Let nothing of what could not be printed fail once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_OUTPUT_FAILS = {ENOSPC, EDQUOT, EFBIG, EIO, EBADF}
_WIDEST = 100  # columns of help


def build_cli(plugins: PluginManager) -> RootGroup:
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
    @click.option(
        "--quiet",
        "-q",
        is_flag=True,
        help="Print only results and errors; goes after the command too.",
    )
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
        ctx.call_on_close(progress.end)
        if not server:
            ctx.call_on_close(partial(_end, ctx.obj))

    _add_commands(debrepo, plugins)
    debrepo.add_command(_help)
    return debrepo


@click.command("help")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def _help(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command."""
    ctx = ctx.find_root()
    command: click.Command = ctx.command
    for word in words:
        found = command.commands.get(word) if isinstance(command, click.Group) else None
        if found is None:
            raise click.UsageError(f"No such command {' '.join(words)!r}.", ctx)
        command = found.load() if isinstance(found, LazyCommand) else found
        ctx = click.Context(command, parent=ctx, info_name=word)
    click.echo(command.get_help(ctx))


def _add_commands(group: RootGroup, plugins: PluginManager) -> None:
    """Add the commands of all plugins; one that fails to name its commands fails all, but help."""
    commands: list[LazyCommand] = []
    hook = plugins.hook.debrepo_commands
    for plugin in hook.get_hookimpls():
        whose = str(plugin.plugin_name)
        try:
            commands += (_lazy(one, whose) for one in answer(hook, plugin, Command))
        except PluginError as error:
            group.failure = error
    for made in sorted(commands, key=lambda each: len(each.path)):
        known = group.commands.get(made.path[0])
        if len(made.path) == 1 and isinstance(known, LazyCommand):
            raise _clash(made, known.plugin)
        if len(made.path) == 1:
            group.add_command(made)
        elif isinstance(known, LazyCommand):  # else the plugin that owns the group is disabled
            known.join(made)


def _end(session: Session) -> None:
    """Let plugins do what remains to be done after a command that used the database."""
    if session.used:
        from debrepo.notices import at_the_end

        at_the_end(session)


def _progress(*, quiet: bool) -> Any:
    from debrepo.progress import PlainProgress, Progress, TerminalProgress

    if quiet:
        return Progress()
    return TerminalProgress() if sys.stderr.isatty() else PlainProgress()


def _lazy(command: Command, plugin: str) -> LazyCommand:
    if not command.name.split():
        raise PluginError(f"plugin {plugin} brings a command without a name", hint=without(plugin))
    return LazyCommand(command.name, command.ref, plugin)


def _clash(command: LazyCommand, one: str) -> PluginError:
    return PluginError(
        f"plugins {one} and {command.plugin} both bring the command {' '.join(command.path)}",
        hint=without(command.plugin, one=True),
    )


def main() -> None:
    """Run ``debrepo``."""
    try:
        cli = build_cli(load(os.environ.get("DEBREPO_DISABLE", "").split(",")))
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
