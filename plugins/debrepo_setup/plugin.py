"""What the setup plugin brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import Command, Operation, hookimpl

if TYPE_CHECKING:
    from debrepo.health import Checkup
    from debrepo.session import Session


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command("setup-server", "debrepo_setup.cli:setup_server", "Set up a server with systemd.")
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "server.setup",
            "debrepo_setup.operations:setup",
            "Set up a server with systemd.",
            "admin",
            "setup-server",
            long=True,
            local=True,
        )
    ]


@hookimpl
def debrepo_health(session: Session) -> list[Checkup]:
    from debrepo_setup.health import checkups

    return list(checkups(session))
