"""The shell plugin: commands and operations."""

from __future__ import annotations

from debrepo import Command, Operation, hookimpl


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command(
            "completion", "debrepo_shell.cli:completion", "Print the completion script for a shell."
        ),
        Command("man", "debrepo_shell.cli:man", "Write the manual pages."),
        Command("task", "debrepo_shell.cli:task", "Run several commands in one process."),
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "shell.completion",
            "debrepo_shell.operations:completion",
            "Return the completion script for a shell.",
            "read",
            "completion",
            changes=False,
        ),
        Operation(
            "shell.man",
            "debrepo_shell.operations:man",
            "Return the manual pages.",
            "read",
            "man",
            changes=False,
        ),
    ]
