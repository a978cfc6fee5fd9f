"""What the admin plugin brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import BackgroundJob, Command, Operation, Setting, TableRef, hookimpl

if TYPE_CHECKING:
    from debrepo.database import Transaction
    from debrepo.health import Checkup
    from debrepo.metrics import Metric
    from debrepo.session import Session

_OPERATIONS = "debrepo_admin.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command("config", "debrepo_admin.cli:config", "Show and create the configuration."),
        Command("db", "debrepo_admin.cli:db", "Check, clean and copy the database."),
        Command(
            "plugin",
            "debrepo_admin.cli:plugin",
            "List the plugins, and the notices that they want again.",
        ),
        Command(
            "storage", "debrepo_admin.cli:storage", "Say whether storages are to be written to."
        ),
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
            "db.copy",
            f"{_OPERATIONS}:copy",
            "Copy the database to a directory, or to the database of a URL.",
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
            "db.stats",
            f"{_OPERATIONS}:stats",
            "Show what takes the space.",
            "admin",
            "db stats",
            changes=False,
            long=True,
        ),
        Operation(
            "db.trash",
            f"{_OPERATIONS}:trash",
            "List the packages in the trash.",
            "admin",
            "db trash",
            changes=False,
        ),
        Operation(
            "db.restore",
            f"{_OPERATIONS}:restore",
            "Bring packages back from the trash.",
            "admin repo:{repo}:add",
            "db restore",
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
            "plugin.notices",
            "debrepo_admin.notice_operations:list_",
            "List the notices that plugins want again.",
            "admin",
            "plugin notices",
            changes=False,
        ),
        Operation(
            "plugin.retry",
            "debrepo_admin.notice_operations:retry",
            "Call plugins again now.",
            "admin",
            "plugin retry",
            long=True,
        ),
        Operation(
            "plugin.give_up",
            "debrepo_admin.notice_operations:give_up",
            "Give up notices that plugins want again.",
            "admin",
            "plugin give-up",
        ),
        Operation(
            "storage.freeze",
            "debrepo_admin.storage_operations:freeze",
            "Let nothing be written to storages.",
            "admin",
            "storage freeze",
        ),
        Operation(
            "storage.thaw",
            "debrepo_admin.storage_operations:thaw",
            "Let storages be written to again.",
            "admin",
            "storage thaw",
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
        Setting("cleanup.grace", "0s", "How long files that have just come are no garbage"),
        Setting("cleanup.trash", "7d", "How long packages stay in the trash; 0: there is none"),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [
        TableRef("admin.trash", 1, "debrepo_admin.trash:TRASH"),
        TableRef("admin.clock", 1, "debrepo_admin.trash:CLOCK"),
    ]


@hookimpl
def debrepo_health(session: Session) -> list[Checkup]:
    from debrepo_admin import notice_operations, storage_operations

    return [notice_operations.checkup(session), *storage_operations.checkups(session)]


@hookimpl
def debrepo_background() -> dict[str, BackgroundJob]:
    return {
        "notices": BackgroundJob(
            "debrepo.notices:in_background", 5.0, "Call plugins again that asked for it."
        ),
        "trash": BackgroundJob(
            "debrepo_admin.trash:background", 3600.0, "Delete what was in the trash long enough."
        ),
    }


@hookimpl
def debrepo_metrics(txn: Transaction) -> list[Metric]:
    from debrepo_admin.notice_operations import metrics

    return metrics(txn)
