"""What the keyring plugin brings: ``debrepo key rotate`` and ``debrepo key package``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import Command, Operation, Setting, TableRef, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.health import Checkup
    from debrepo.session import Session
    from debrepo.signing import KeyRotation


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command(
            "key rotate",
            "debrepo_keyring.cli:rotate",
            "Replace a signing key by another one, in stages.",
        ),
        Command(
            "key package",
            "debrepo_keyring.cli:package",
            "Build a package with the public keys, add it to a repository and publish that.",
        ),
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    where = "debrepo_keyring.operations:"
    return [
        Operation(
            "key.rotate.start",
            where + "rotate_start",
            "Announce a key that is to take the place of another.",
            "key:rotate",
            "key rotate start",
            long=True,
        ),
        Operation(
            "key.rotate.next",
            where + "rotate_next",
            "Begin the next stage of a rotation.",
            "key:rotate",
            "key rotate next",
            long=True,
        ),
        Operation(
            "key.rotate.cancel",
            where + "rotate_cancel",
            "Let the old key sign again, alone.",
            "key:rotate",
            "key rotate cancel",
            long=True,
        ),
        Operation(
            "key.rotate.show",
            where + "rotate_show",
            "Show which keys are being replaced.",
            "read",
            "key rotate show",
            changes=False,
        ),
        Operation(
            "key.package",
            where + "package",
            "Build a package with the public keys, add it and publish it.",
            "key:package repo:{repo}:add",
            "key package",
            long=True,
        ),
    ]


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("keyring.name", "", "Name of the archive: that of the package of its keyring"),
        Setting("keyring.repo", "", "Repository for the package of the keyring; empty: none"),
        Setting("keyring.maintainer", "", "Maintainer of that package, as Name <address>"),
        Setting("keyring.wait", "7d", "How long each stage of a rotation lasts at least"),
    ]


@hookimpl
def debrepo_tables() -> list[TableRef]:
    return [TableRef("keyring.rotations", 1, "debrepo_keyring.tables:ROTATIONS", ahead=16)]


@hookimpl
def debrepo_key_rotations(txn: Transaction) -> list[KeyRotation]:
    from debrepo_keyring.rotations import key_rotations

    return key_rotations(txn)


@hookimpl
def debrepo_release_fields(
    session: Session, publication: str, fields: Mapping[str, str]
) -> dict[str, str]:
    from debrepo_keyring.rotations import release_fields

    return release_fields(session, publication, fields)


@hookimpl
def debrepo_health(session: Session) -> list[Checkup]:
    from debrepo_keyring.health import checkups

    return list(checkups(session))
