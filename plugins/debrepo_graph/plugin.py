"""What the graph plugin brings."""

from __future__ import annotations

from debrepo import Command, Operation, hookimpl


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command(
            "graph",
            "debrepo_graph.cli:graph",
            "Draw how package lists and publications derive from each other.",
        )
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "graph.draw",
            "debrepo_graph.operations:draw",
            "Draw how package lists and publications derive from each other.",
            "read",
            "graph",
            changes=False,
        )
    ]
