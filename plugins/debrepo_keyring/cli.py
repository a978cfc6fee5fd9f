"""``debrepo key rotate`` and ``debrepo key package``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo import clock
from debrepo.cli import pass_session
from debrepo.cli.completion import Name, list_names
from debrepo.cli.output import json_option, print_fields, print_json
from debrepo.errors import SigningFailed
from debrepo_keyring import operations

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_keyring.operations import RotationStatus

KEY = Name(lambda session, _: (found.fingerprint for found in session.call("key.list")))
ROTATED = Name(lambda session, _: (found.old for found in operations.rotate_show(session)))
REPO = Name(lambda session, _: list_names(session, "repo"))


@click.group()
def rotate() -> None:
    """Replace a signing key by another one, in stages."""


@rotate.command()
@click.argument("old", type=KEY)
@click.argument("new", type=KEY)
@click.option(
    "--signed-by",
    is_flag=True,
    help="Name both keys in Signed-By of Release files; apt 3.3 ignores it with a warning.",
)
@json_option
@pass_session
def start(session: Session, old: str, new: str, signed_by: bool, as_json: bool) -> None:
    """Announce a key that is to take the place of another."""
    _done(session.run(operations.rotate_start, old, new, signed_by=signed_by), as_json=as_json)


@rotate.command("next")
@click.argument("old", default="", type=ROTATED)
@click.option("--yes-really", is_flag=True, help="Do not wait until clients are ready for it.")
@json_option
@pass_session
def next_(session: Session, old: str, yes_really: bool, as_json: bool) -> None:
    """Begin the next stage, or complete the one that was interrupted.

    From announced, where clients find both keys, to co-signing, where both sign; to primary,
    where the new one does; to retired, where clients find the new one alone.
    """
    _done(session.run(operations.rotate_next, old, yes_really=yes_really), as_json=as_json)


@rotate.command()
@click.argument("old", default="", type=ROTATED)
@json_option
@pass_session
def cancel(session: Session, old: str, as_json: bool) -> None:
    """Let the old key sign again, alone."""
    _done(session.run(operations.rotate_cancel, old), as_json=as_json)


@rotate.command()
@json_option
@pass_session
def show(session: Session, as_json: bool) -> None:
    """Show which keys are being replaced, and when the next stage can begin."""
    found = session.run(operations.rotate_show)
    if as_json:
        print_json([one._asdict() for one in found])
        return
    for one in found:
        print_fields(_fields(one))


def _done(status: RotationStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(status._asdict())
    else:
        for name in status.signed:
            click.echo(f"Signed {name.replace(':', ' ', 1)} again.")
        print_fields(_fields(status))
    if status.failed:
        raise SigningFailed(
            "; ".join(f"{name} is not signed again: {why}" for name, why in status.failed.items()),
            hint='run "debrepo key rotate next" to complete the stage'
            if status.following or status.stage == "retired"
            else 'run "debrepo publish renew"',
        )


def _fields(status: RotationStatus) -> dict[str, str]:
    begun = status.begun.get(status.stage, 0)
    stage = f"{status.stage} since {clock.moment(begun):%Y-%m-%d %H:%M} UTC" if begun else ""
    complete = "" if status.reached or not begun else ", not everywhere yet"
    after = ""
    if status.possible:
        after = f"{status.following} from {clock.moment(status.possible):%Y-%m-%d %H:%M} UTC on"
    retired = status.stage == "retired"
    return {
        "Old key": status.old,
        "New key": status.new,
        "Stage": f"{stage}{complete}" or status.stage,
        "Next": after,
        "Until then": status.needs if after else "",
        "Settings": f"name {status.new} where signing.gpg.keys names {status.old}"
        if retired
        else "",
    }


@click.command()
@click.argument("repo", default="", type=REPO)
@click.option("--name", default="", help="What comes before -archive-keyring in its name.")
@click.option("--key", "keys", multiple=True, type=KEY, help="Key to have in it, may be repeated.")
@json_option
@pass_session
def package(session: Session, repo: str, name: str, keys: tuple[str, ...], as_json: bool) -> None:
    """Build a package with the public keys, add it to a repository and publish that.

    Name and repository are settings too: keyring.name and keyring.repo. With these, each stage
    of a rotation builds the package anew. It is left alone while the keys are the same.
    """
    made = session.run(operations.package, repo, name, keys=keys)
    if as_json:
        print_json(made._asdict())
        return
    verb = "Added" if made.added else "Nothing has changed in"
    click.echo(f"{verb} {made.name} {made.version}: {', '.join(made.fingerprints)}.")
    for publication in made.published:
        click.echo(f"Published {publication}.")
