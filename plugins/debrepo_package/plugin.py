"""What the package plugin brings."""

from __future__ import annotations

from debrepo import Command, Operation, hookimpl

_OPERATIONS = "debrepo_package.operations"
_BROWSING = "debrepo_package.browsing_operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [Command("package", "debrepo_package.cli:package", "Search, show and check packages.")]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "package.changelog",
            f"{_BROWSING}:changelog",
            "Print the changelog of a package.",
            "read",
            "package changelog",
            changes=False,
        ),
        Operation(
            "package.dependents",
            f"{_BROWSING}:dependents",
            "List the packages that name a package in a dependency field.",
            "read",
            "package dependents",
            changes=False,
        ),
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
            "package.page",
            f"{_BROWSING}:page",
            "Show one page of the packages of a list, or of all in the database.",
            "read",
            "package search",
            changes=False,
        ),
        Operation(
            "package.paths",
            f"{_BROWSING}:paths",
            "List the paths of a package.",
            "read",
            "package paths",
            changes=False,
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
