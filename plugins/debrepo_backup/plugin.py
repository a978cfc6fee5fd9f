"""What the backup plugin brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import Command, Operation, Setting, TableRef, hookimpl

if TYPE_CHECKING:
    from debrepo.health import Checkup
    from debrepo.session import Session

_OPERATIONS = "debrepo_backup.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command(
            "backup", "debrepo_backup.cli:backup", "Back up the database, the pool and the keys."
        ),
        Command(
            "db backup",
            "debrepo_backup.cli:db_backup",
            "Back up the database alone while it is in use.",
        ),
        Command(
            "restore",
            "debrepo_backup.cli:restore",
            "Restore a backup to the root, which has to be empty.",
        ),
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "backup.create",
            f"{_OPERATIONS}:create",
            "Back up the database, the pool and the keys.",
            "admin",
            "backup create",
            changes=False,
            long=True,
            local=True,
        ),
        Operation(
            "backup.list",
            f"{_OPERATIONS}:list_",
            "List the backups in a directory or a storage.",
            "admin",
            "backup list",
            changes=False,
            local=True,
        ),
        Operation(
            "backup.check",
            f"{_OPERATIONS}:check",
            "Check that backups are whole.",
            "admin",
            "backup check",
            changes=False,
            long=True,
            local=True,
        ),
        Operation(
            "backup.prune",
            f"{_OPERATIONS}:prune",
            "Delete all but the newest backups.",
            "admin",
            "backup prune",
            changes=False,
            long=True,
            local=True,
        ),
        Operation(
            "backup.restore",
            f"{_OPERATIONS}:restore",
            "Restore a backup to an empty root.",
            "admin",
            "restore",
            changes=False,
            long=True,
            local=True,
        ),
        Operation(
            "db.backup",
            f"{_OPERATIONS}:database",
            "Back up the database alone while it is in use.",
            "admin",
            "db backup",
            changes=False,
            long=True,
            local=True,
        ),
    ]


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting(
            "database.backup_days", 7, "Days after which a backup of the database is old; 0: ignore"
        )
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [TableRef("backup.made", 1, "debrepo_backup.records:MADE")]


@hookimpl
def debrepo_health(session: Session) -> list[Checkup]:
    from debrepo_backup import records

    return [records.checkup(session)]
