"""What this plugin brings: the ``gpg`` signer, and ``debrepo key``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import Command, Operation, Ref, Setting, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from debrepo.health import Checkup
    from debrepo.metrics import Metric
    from debrepo.session import Session


@hookimpl
def debrepo_signers() -> dict[str, Ref]:
    return {"gpg": Ref("debrepo_gpg.signer:GpgSigner", "Sign with GnuPG.")}


@hookimpl
def debrepo_commands() -> list[Command]:
    return [Command("key", "debrepo_gpg.cli:key", "Create, check and trust keys.")]


@hookimpl
def debrepo_operations() -> list[Operation]:
    where = "debrepo_gpg.operations:"
    return [
        Operation(
            "key.create", where + "create", "Create a signing key.", "key:create", "key create"
        ),
        Operation(
            "key.import",
            where + "import_",
            "Import secret keys from a file.",
            "key:import",
            "key import",
        ),
        Operation(
            "key.list", where + "list_", "List the signing keys.", "read", "key list", changes=False
        ),
        Operation(
            "key.show", where + "show", "Show a signing key.", "read", "key show", changes=False
        ),
        Operation(
            "key.check",
            where + "check",
            "Check signing keys against today's policy.",
            "key:check",
            "key check",
            changes=False,
        ),
        Operation(
            "key.extend",
            where + "extend",
            "Prolong a signing key, and sign again whatever it signs.",
            "key:extend",
            "key extend",
            long=True,
        ),
        Operation(
            "key.export",
            where + "export",
            "Export public keys.",
            "read",
            "key export",
            changes=False,
        ),
        Operation(
            "key.seal",
            where + "seal",
            "Export secret keys, encrypted to a public key.",
            "admin",
            "key export",
            changes=False,
            secret=True,
        ),
        Operation(
            "key.trust",
            where + "trust",
            "Trust public keys.",
            "key:trust",
            "key trust",
        ),
        Operation(
            "key.fetch",
            where + "fetch",
            "Trust public keys from a key server.",
            "key:trust key:fetch:{server}",
            "key fetch",
        ),
        Operation(
            "key.trusted",
            where + "trusted",
            "List the trusted public keys.",
            "read",
            "key trusted",
            changes=False,
        ),
        Operation(
            "key.distrust",
            where + "distrust",
            "Stop trusting public keys.",
            "key:trust",
            "key distrust",
        ),
        Operation(
            "key.verify",
            where + "verify",
            "Verify a signed text against the trusted keys.",
            "read",
            "key verify",
            changes=False,
        ),
    ]


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting(
            "signing.gpg.home",
            "",
            "Where GnuPG keeps the keys: a directory, user for your own; empty: <root>/gnupg",
        ),
        Setting(
            "signing.gpg.keys",
            (),
            "Keys to sign with, FINGERPRINT! for exactly this subkey; empty: the only one there is",
        ),
        Setting("signing.gpg.passphrase_file", "", "File with the passphrase of the keys"),
        Setting("signing.gpg.program", "gpg", "GnuPG program to run"),
    ]


@hookimpl
def debrepo_metrics(session: Session) -> list[Metric]:
    from debrepo_gpg.metrics import metrics

    return list(metrics(session))


@hookimpl
def debrepo_health(session: Session) -> list[Checkup]:
    from debrepo_gpg.health import checkups

    return list(checkups(session))


@hookimpl
def debrepo_kept_files(session: Session) -> list[Path]:
    from debrepo_gpg.operations import opened
    from debrepo_gpg.trust import keyrings_in

    return keyrings_in(opened(session).home)
