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
        ),
        Command(
            "db export",
            "debrepo_care.cli:export",
            "Write everything in the database to a file, as lines of JSON.",
        ),
        Command(
            "db import",
            "debrepo_care.cli:import_",
            'Make the database of a root from the lines of JSON that "debrepo db export" has'
            " written.",
        ),
        Command(
            "db rebuild",
            "debrepo_care.cli:rebuild",
            "Make a new database from the pool and the published trees, if there is no backup.",
        ),
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
        ),
        Operation(
            "db.export",
            f"{_OPERATIONS}:export",
            "Write everything in the database to a file, as lines of JSON.",
            "admin",
            "db export",
            changes=False,
            long=True,
            local=True,
        ),
        Operation(
            "db.import",
            f"{_OPERATIONS}:import_",
            "Make the database of a root from an export.",
            "admin",
            "db import",
            long=True,
            local=True,
        ),
        Operation(
            "db.rebuild",
            f"{_OPERATIONS}:rebuild",
            "Make a new database from the pool and the published trees.",
            "admin",
            "db rebuild",
            long=True,
            local=True,
        ),
    ]
