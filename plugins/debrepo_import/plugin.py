"""What the import plugin brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import Command, Operation, TableRef, hookimpl

if TYPE_CHECKING:
    from debrepo.database import Transaction
    from debrepo.package import SetId

_OPERATIONS = "debrepo_import.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command("import", "debrepo_import.cli:import_", "Bring archives of other tools here."),
        Command("export", "debrepo_import.cli:export", "Write archives for other tools."),
        Command(
            "reprepro",
            "debrepo_import.cli:shadow_reprepro",
            "Run a command of reprepro on what was imported from its base.",
        ),
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "import.aptly",
            f"{_OPERATIONS}:aptly",
            "Bring everything here that aptly keeps, while aptly uses it.",
            "admin",
            "import aptly",
            long=True,
            local=True,
        ),
        Operation(
            "import.tree",
            f"{_OPERATIONS}:tree",
            "Bring a published archive here, from what it has signed.",
            "admin",
            "import tree",
            long=True,
            local=True,
        ),
        Operation(
            "import.reprepro",
            f"{_OPERATIONS}:reprepro",
            "Bring everything here that reprepro keeps, while reprepro goes on.",
            "admin",
            "import reprepro",
            long=True,
            local=True,
        ),
        Operation(
            "reprepro.run",
            f"{_OPERATIONS}:run_reprepro",
            "Run a command of reprepro on what was imported from its base.",
            "admin",
            "reprepro",
            long=True,
            local=True,
        ),
        Operation(
            "export.aptly",
            f"{_OPERATIONS}:export_aptly",
            "Write all that is here for aptly.",
            "admin",
            "export aptly",
            changes=False,
            long=True,
            local=True,
        ),
        Operation(
            "export.reprepro",
            f"{_OPERATIONS}:export_reprepro",
            "Write all that is published for reprepro.",
            "admin",
            "export reprepro",
            changes=False,
            long=True,
            local=True,
        ),
        Operation(
            "import.check",
            f"{_OPERATIONS}:check",
            "Compare what aptly keeps with what is here.",
            "admin",
            "import check",
            changes=False,
            long=True,
            local=True,
        ),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [
        TableRef("import.pending", 1, "debrepo_import.tables:PENDING"),
        TableRef("import.brought", 1, "debrepo_import.tables:BROUGHT"),
    ]


@hookimpl
def debrepo_live_sets(txn: Transaction) -> list[SetId]:
    from debrepo.package import SetId
    from debrepo_import.tables import PENDING

    return [SetId(found) for found in txn[PENDING].values()]
