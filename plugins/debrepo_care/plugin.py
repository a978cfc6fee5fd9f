"""What the care plugin brings."""

from __future__ import annotations

from debrepo import Command, Operation, hookimpl

_OPERATIONS = "debrepo_care.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command(
            "db repair",
            "debrepo_care.cli:repair",
            "Bring back files that the pool has lost, from wherever else they are.",
        )
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "db.repair",
            f"{_OPERATIONS}:repair",
            "Bring back files that the pool has lost.",
            "admin",
            "db repair",
            long=True,
        )
    ]
