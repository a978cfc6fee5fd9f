"""What the graph plugin brings."""

from __future__ import annotations

from debrepo import Command, Operation, hookimpl


@hookimpl
def debrepo_commands() -> list[Command]:
    return [Command("graph", "debrepo_graph.cli:graph", "Draw what was made from what.")]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "graph.draw",
            "debrepo_graph.operations:draw",
            "Draw what was made from what.",
            "read",
            "graph",
            changes=False,
        )
    ]
