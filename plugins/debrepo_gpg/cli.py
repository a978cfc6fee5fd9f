"""``debrepo key``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import Name
from debrepo.cli.output import json_option, print_fields, print_json, print_table
from debrepo.errors import SigningFailed
from debrepo_gpg import operations
from debrepo_gpg.trust import KEYRING

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_gpg.operations import KeyStatus

#: A signing key, by its fingerprint; a key ID or part of a user ID will do.
KEY = Name(lambda session, _: (found.fingerprint for found in operations.list_(session)))


@click.group()
def key() -> None:
    """Create, check and trust keys."""


@key.command()
@click.option(
    "--name", required=True, help="Name of the owner of the key, such as Example Archive."
)
@click.option("--email", default="", help="Email address of the owner.")
@click.option(
    "--algorithm",
    type=click.Choice(list(operations.ALGORITHMS)),
    default="ed25519",
    show_default=True,
    help="Algorithm of the key.",
)
@click.option("--expire", default="0", help="Expiry: 2y, 2030-12-31, or 0 for never.")
@click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the passphrase that protects the key.",
)
@pass_session
def create(
    session: Session,
    name: str,
    email: str,
    algorithm: str,
    expire: str,
    passphrase_file: Path | None,
) -> None:
    """Create a signing key."""
    made = session.run(operations.create, name, email, algorithm, expire, passphrase_file)
    click.echo(f"Created key {made.fingerprint}.")
    _point_out_choice(session)


def _point_out_choice(session: Session) -> None:
    usable = [found for found in session.run(operations.list_) if not found.fault]
    if len(usable) > 1 and not session.config["signing.gpg.keys"]:
        click.echo(f"{len(usable)} keys can sign: say which in signing.gpg.keys.", err=True)


@key.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the signing keys."""
    keys = session.run(operations.list_)
    if as_json:
        print_json([found._asdict() for found in keys])
    elif keys:
        print_table([_row(found) for found in keys])


def _row(found: KeyStatus) -> tuple[str, str, str, str]:
    expires = f"until {found.expires:%Y-%m-%d}" if found.expires else ""
    return found.fingerprint, found.algorithm, found.fault or expires, ", ".join(found.user_ids)


@key.command()
@click.argument("key", type=KEY)
@json_option
@pass_session
def show(session: Session, key: str, as_json: bool) -> None:
    """Show a signing key."""
    found = session.run(operations.show, key)
    if as_json:
        print_json(found._asdict())
        return
    print_fields(
        {
            "Fingerprint": found.fingerprint,
            "User ID": found.user_ids,
            "Algorithm": found.algorithm,
            "Created": f"{found.created:%Y-%m-%d}",
            "Expires": f"{found.expires:%Y-%m-%d}" if found.expires else "never",
            "Signs with": found.signs_as if found.signs_as != found.fingerprint else "",
            "Cannot sign": f"it {found.fault}" if found.fault else "",
        }
    )


@key.command()
@click.argument("key", default="", type=KEY)
@click.option("--at", default="", metavar="DATE", help="Day whose policies count, as 2027-02-01.")
@json_option
@click.pass_context
def check(ctx: click.Context, key: str, at: str, as_json: bool) -> None:
    """Check signing keys, and what they have signed, against today's policy."""
    session: Session = ctx.obj
    checks = session.run(operations.check, key, at=at)
    if as_json:
        print_json([found._asdict() for found in checks])
    else:
        for found in checks:
            for problem in found.problems or ["no problems"]:
                click.echo(f"{found.fingerprint}: {problem}")
    if any(found.problems for found in checks):
        ctx.exit(1)


@key.command()
@click.argument("key", type=KEY)
@click.option(
    "--expire", required=True, help="New expiry: 2y from now, 2030-12-31, or 0 for never."
)
@json_option
@pass_session
def extend(session: Session, key: str, expire: str, as_json: bool) -> None:
    """Prolong a signing key, and sign again whatever it signs.

    Clients that verify with Sequoia refuse signatures older than the renewal of the key: hand
    out the key when this is done, not before.
    """
    done = session.run(operations.extend, key, expire)
    if as_json:
        print_json({**done._asdict(), "key": done.key._asdict()})
    else:
        until = f"until {done.key.expires:%Y-%m-%d}" if done.key.expires else "for ever"
        click.echo(f"Key {done.key.fingerprint} is valid {until}.")
        for name in done.signed:
            click.echo(f"Signed {name.replace(':', ' ', 1)} again.")
    if done.failed:
        raise SigningFailed(
            "; ".join(f"{name} is not signed again: {why}" for name, why in done.failed.items()),
            hint='run "debrepo publish update DISTRIBUTION" for it before you hand out the key',
        )
    session.progress.note('Now hand out the key: run "debrepo key export".')


@key.command()
@click.argument("keys", metavar="[KEY]...", nargs=-1, type=KEY)
@click.option("--binary", is_flag=True, help="Without armor, as gpgv and debootstrap read it.")
@click.option(
    "--secret-to",
    metavar="FILE",
    type=click.File("rb"),
    help="Export all secret keys instead, encrypted to the public key in FILE.",
)
@pass_session
def export(
    session: Session, keys: tuple[str, ...], binary: bool, secret_to: BinaryIO | None
) -> None:
    """Export public keys, or all secret keys in encrypted form."""
    if secret_to is not None:
        if keys or binary:
            raise click.UsageError("--secret-to exports all keys, with armor.")
        click.echo(session.run(operations.seal, secret_to.read()), nl=False)
        return
    click.echo(session.run(operations.export, keys, binary=binary), nl=False)


@key.command("import")
@click.argument("file", type=click.File("rb"))
@pass_session
def import_(session: Session, file: BinaryIO) -> None:
    """Import secret keys from a file."""
    for found in session.run(operations.import_, file.read()):
        click.echo(f"Imported key {found.fingerprint}.")
    _point_out_choice(session)


_keyring = click.option(
    "--keyring", default=KEYRING, show_default=True, help="Name of a keyring in the GnuPG home."
)


@key.command()
@click.argument("file", type=click.File("rb"))
@_keyring
@pass_session
def trust(session: Session, file: BinaryIO, keyring: str) -> None:
    """Trust public keys.

    FILE is what gpg --export writes; - is standard input.
    """
    for fingerprint in session.run(operations.trust, file.read(), keyring=keyring):
        click.echo(f"Key {fingerprint} is trusted.")


@key.command()
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@click.option("--server", required=True, help="URL of the key server.")
@_keyring
@pass_session
def fetch(session: Session, keys: tuple[str, ...], server: str, keyring: str) -> None:
    """Trust public keys from a key server."""
    for fingerprint in session.run(operations.fetch, keys, server=server, keyring=keyring):
        click.echo(f"Key {fingerprint} is trusted.")


@key.command()
@_keyring
@json_option
@pass_session
def trusted(session: Session, keyring: str, as_json: bool) -> None:
    """List the trusted public keys."""
    keys = session.run(operations.trusted, keyring=keyring)
    if as_json:
        print_json([found._asdict() for found in keys])
    elif keys:
        print_table([(found.fingerprint, ", ".join(found.user_ids)) for found in keys])


@key.command()
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@_keyring
@pass_session
def distrust(session: Session, keys: tuple[str, ...], keyring: str) -> None:
    """Stop trusting public keys."""
    session.run(operations.distrust, keys, keyring=keyring)
    click.echo(f"Trusted no longer: {', '.join(keys)}.")


@key.command()
@click.argument("file", type=click.File("rb"))
@click.argument("signature", type=click.File("rb"), required=False)
@click.option(
    "--keyring",
    "keyrings",
    multiple=True,
    metavar="NAME",
    help="Keyring with trusted keys, may be repeated.  [default: trustedkeys.gpg]",
)
@click.option(
    "--fingerprint",
    "fingerprints",
    multiple=True,
    metavar="FINGERPRINT",
    help="Key that has to have signed, may be repeated: one of them is enough.",
)
@pass_session
def verify(
    session: Session,
    file: BinaryIO,
    signature: BinaryIO | None,
    keyrings: tuple[str, ...],
    fingerprints: tuple[str, ...],
) -> None:
    """Verify a signed text against the trusted keys.

    FILE is clear-signed, or has a detached SIGNATURE. Prints the signed text to standard
    output, and the signers to standard error.
    """
    found = session.run(
        operations.verify,
        file.read(),
        signature=signature.read() if signature else b"",
        keyrings=keyrings,
        fingerprints=fingerprints,
    )
    click.echo(found.text, nl=False)
    session.progress.note(f"Signed by {', '.join(found.fingerprints)}.")
