"""What the package plugin brings."""

from __future__ import annotations

from debrepo import Command, Operation, hookimpl

_OPERATIONS = "debrepo_package.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [Command("package", "debrepo_package.cli:package", "Search, show and check packages.")]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "package.lint",
            f"{_OPERATIONS}:lint",
            "Say what would keep packages out, and what is odd about them.",
            "read",
            "package lint",
            changes=False,
            long=True,
        ),
        Operation(
            "package.search",
            f"{_OPERATIONS}:search",
            "Search all packages in the database.",
            "read",
            "package search",
            changes=False,
        ),
        Operation(
            "package.show",
            f"{_OPERATIONS}:show",
            "Show packages, their files, and what refers to them.",
            "read",
            "package show",
            changes=False,
        ),
    ]
