"""What the doctor plugin brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import BackgroundJob, Command, Operation, Setting, TableRef, hookimpl

if TYPE_CHECKING:
    from debrepo.database import Transaction
    from debrepo.health import Checkup
    from debrepo.metrics import Metric
    from debrepo.session import Session


@hookimpl
def debrepo_commands() -> list[Command]:
    return [Command("doctor", "debrepo_doctor.cli:doctor", "Tell whether everything is all right.")]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "doctor",
            "debrepo_doctor.operations:doctor",
            "Look at everything that clients and users need.",
            "admin",
            "doctor",
            changes=False,
            long=True,
        )
    ]


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("doctor.every", 3600, "Seconds between the examinations of a server; 0: none"),
        Setting("doctor.free", 5, "Percent of the disk, and of its inodes, that must be free"),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [TableRef("doctor.examinations", 1, "debrepo_doctor.records:EXAMINATIONS")]


@hookimpl
def debrepo_background() -> dict[str, BackgroundJob]:
    return {
        "doctor": BackgroundJob(
            "debrepo_doctor.examining:in_background", 30.0, "Examine everything now and then."
        )
    }


@hookimpl
def debrepo_metrics(txn: Transaction) -> list[Metric]:
    from debrepo_doctor.numbers import metrics

    return list(metrics(txn))


@hookimpl
def debrepo_health(session: Session) -> list[Checkup]:
    from debrepo_doctor.installation import checkups

    return list(checkups(session))
