"""``debrepo publish resign`` and ``renew``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from debrepo import clock
from debrepo.cli import pass_session
from debrepo.cli.output import counted, dry_run_option, json_option, print_json
from debrepo.errors import SigningFailed
from debrepo.progress import Stopwatch
from debrepo_publish import signing_operations as operations
from debrepo_publish.cli.document import seconds
from debrepo_publish.cli.names import DISTRIBUTION, KEY, PLACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.session import Session
    from debrepo_publish.engine.resigning import Resigned


@click.command()
@click.argument("distribution", default="", type=DISTRIBUTION)
@click.argument("place", metavar="[[STORAGE:]PREFIX]", default="", type=PLACE)
@click.option("--all", "everything", is_flag=True, help="Sign everything that is published.")
@click.option(
    "--gpg-key",
    "keys",
    multiple=True,
    type=KEY,
    help="Key to sign with from now on, FINGERPRINT! for exactly this subkey; may be repeated.",
)
@click.option(
    "--valid-for", callback=seconds, help="Time after which clients refuse it, such as 14d."
)
@click.option("--signed-by", help="Signed-By in Release from now on; empty: none.")
@click.option(
    "--date-now",
    is_flag=True,
    help="Date it by the clock, even if clients were offered a later date, which is in the future.",
)
@json_option
@pass_session
def resign(
    session: Session,
    /,
    distribution: str,
    place: str,
    everything: bool,
    date_now: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Sign what is published again, with a new date.

    Packages and indexes stay as they are; changes that wait for an update go on waiting.
    """
    if everything == bool(distribution):
        raise click.UsageError("name a distribution, or give --all")
    given = {name: value for name, value in options.items() if value not in (None, ())}
    watch = Stopwatch()
    if everything:
        done = session.run(operations.resign_all, options=given, date_now=date_now)
    else:
        one = session.run(operations.resign, distribution, place, options=given, date_now=date_now)
        done = [one]
    _print(session, done, watch, as_json=as_json)
    _fail(done)


@click.command()
@dry_run_option
@json_option
@pass_session
def renew(session: Session, dry_run: bool, as_json: bool) -> None:
    """Sign again what clients will refuse soon.

    Due is what has less than a third of its time of validity left (publish.renew_left), and
    what is not signed by the keys that sign it now. Run it from a timer; a server does it by
    itself.
    """
    watch = Stopwatch()
    found = session.run(operations.renew, dry_run=dry_run)
    if as_json:
        print_json({"due": found.due, "done": [one._asdict() for one in found.done]})
    for name, why in found.due.items() if not as_json else ():
        click.echo(f"{'would sign' if dry_run else 'due'}: {name} {why}")
    if found.done:
        _print(session, found.done, watch, as_json=None if as_json else False)
    elif not found.due and not as_json:
        click.echo("Nothing is due.")
    _fail(found.done)


def _print(
    session: Session, done: Sequence[Resigned], watch: Stopwatch, *, as_json: bool | None
) -> None:
    """Print what was signed; ``as_json`` is ``None`` where that is printed already."""
    if as_json:
        print_json([one._asdict() for one in done])
    for one in done if as_json is False else ():
        if not one.failed:
            signed = f"signed by {', '.join(one.fingerprints)}" if one.fingerprints else "unsigned"
            until = f", valid until {clock.moment(one.expires):%Y-%m-%d}" if one.expires else ""
            click.echo(f"Renewed {one.publication}: {signed}{until}.")
    signed_again = sum(not one.failed for one in done)
    session.progress.note(f"{counted(signed_again, 'publication')} signed again, in {watch}.")


def _fail(done: Sequence[Resigned]) -> None:
    """Raise `SigningFailed` if some are not signed again."""
    failed = [one for one in done if one.failed]
    if failed:
        raise SigningFailed(
            "; ".join(f"{one.publication} is not signed again: {one.failed}" for one in failed),
            hint=failed[0].hint,
        )
