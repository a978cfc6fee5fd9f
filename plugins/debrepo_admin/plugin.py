"""What the admin plugin brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import Command, Operation, Setting, TableRef, hookimpl

if TYPE_CHECKING:
    from debrepo.health import Checkup
    from debrepo.session import Session

_OPERATIONS = "debrepo_admin.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command("config", "debrepo_admin.cli:config", "Show and create the configuration."),
        Command("db", "debrepo_admin.cli:db", "Check, clean and back up the database."),
        Command("plugin", "debrepo_admin.cli:plugin", "List the plugins."),
        Command("version", "debrepo_admin.cli:version", "Print the version."),
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "config.show",
            f"{_OPERATIONS}:config_show",
            "Show every setting and where its value comes from.",
            "read",
            "config show",
            changes=False,
        ),
        Operation(
            "config.create",
            f"{_OPERATIONS}:config_create",
            "Write a configuration file with all defaults, commented out.",
            "admin",
            "config create",
        ),
        Operation(
            "db.backup",
            f"{_OPERATIONS}:backup",
            "Back up the database while it is in use.",
            "admin",
            "db backup",
            changes=False,
            long=True,
            local=True,
        ),
        Operation(
            "db.copy",
            f"{_OPERATIONS}:copy",
            "Copy the database entry by entry, into the format of LMDB 0.9.",
            "admin",
            "db copy",
            changes=False,
            long=True,
            local=True,
        ),
        Operation(
            "db.check",
            f"{_OPERATIONS}:check",
            "Check the database and the pool for damage.",
            "admin",
            "db check",
            changes=False,
            long=True,
        ),
        Operation(
            "db.cleanup",
            f"{_OPERATIONS}:cleanup",
            "Delete packages and files that nothing refers to.",
            "admin",
            "db cleanup",
            long=True,
        ),
        Operation(
            "plugin.list",
            f"{_OPERATIONS}:plugins",
            "List the plugins.",
            "read",
            "plugin list",
            changes=False,
        ),
        Operation(
            "version",
            f"{_OPERATIONS}:version",
            "Print the version.",
            "read",
            "version",
            changes=False,
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
    return [TableRef("admin.backups", 1, "debrepo_admin.backups:BACKUPS")]


@hookimpl
def debrepo_health(session: Session) -> list[Checkup]:
    from debrepo_admin.backups import checkup

    return [checkup(session)]
