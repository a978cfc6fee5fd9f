"""The audit plugin: commands, operations, a table, and hooks that write the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import Command, Operation, TableRef, hookimpl

if TYPE_CHECKING:
    from debrepo.calls import Call
    from debrepo.database import Transaction

_OPERATIONS = "debrepo_audit.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [Command("audit", "debrepo_audit.cli:audit", "Show who changed what, and when.")]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "audit.list",
            f"{_OPERATIONS}:list_",
            "List the records, newest first.",
            "admin",
            "audit list",
            changes=False,
        ),
        Operation(
            "audit.verify",
            f"{_OPERATIONS}:verify",
            "Check the audit log for tampering.",
            "admin",
            "audit verify",
            changes=False,
        ),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [TableRef("audit.records", 1, "debrepo_audit.log:RECORDS", ahead=-1)]


@hookimpl
def debrepo_changing(txn: Transaction, call: Call) -> None:
    from debrepo_audit.log import append

    append(txn, call)


@hookimpl
def debrepo_check(txn: Transaction) -> list[str]:
    from debrepo_audit.log import faults

    return list(faults(txn))
