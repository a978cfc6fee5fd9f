"""The command line: a root group, what commands take and print, and how a shell completes it."""

from debrepo.cli.root import CommandFailed, LazyCommand, build_cli, main, pass_session

__all__ = ["CommandFailed", "LazyCommand", "build_cli", "main", "pass_session"]
