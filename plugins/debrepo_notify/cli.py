"""``debrepo notify``."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import Name
from debrepo.cli.output import counted, json_option, print_fields, print_json, print_table
from debrepo.errors import RemoteError
from debrepo_notify import operations

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_notify.operations import ShownDelivery

TARGET = Name(lambda session, _: session.config.names("notify.to"))
ID = Name(lambda session, _: (shown.delivery.id for shown in operations.list_(session)))


@click.group()
def notify() -> None:
    """Manage the notifications of other systems."""


@notify.command("list")
@click.option("--target", default="", type=TARGET, help="List only deliveries to this target.")
@click.option("--failed", is_flag=True, help="List only deliveries that were given up.")
@json_option
@pass_session
def list_(session: Session, target: str, failed: bool, as_json: bool) -> None:
    """List the deliveries that wait or failed."""
    found = session.run(operations.list_, target=target, failed=failed)
    if as_json:
        print_json([_plain(shown) for shown in found])
    elif found:
        print_table(
            (
                shown.delivery.id,
                shown.delivery.target,
                shown.delivery.event,
                shown.delivery.name,
                _state(shown),
            )
            for shown in found
        )


@notify.command()
@click.argument("id", type=ID)
@json_option
@pass_session
def show(session: Session, id: str, as_json: bool) -> None:  # noqa: A002  # as --help calls it
    """Show a delivery and its body."""
    shown = session.run(operations.show, id)
    if as_json:
        print_json(_plain(shown))
        return
    delivery = shown.delivery
    print_fields(
        {
            "Id": delivery.id,
            "NotifiedTarget": delivery.target,
            "Event": delivery.event,
            "Name": delivery.name,
            "Queued": _time(delivery.created),
            "State": _state(shown),
            "Error": delivery.error,
        }
    )
    click.echo(delivery.body)


@notify.command()
@click.argument("ids", metavar="ID...", nargs=-1, type=ID)
@click.option("--all", "everything", is_flag=True, help="Try all that failed.")
@pass_session
def retry(session: Session, ids: tuple[str, ...], everything: bool) -> None:
    """Try failed deliveries again."""
    count = session.run(operations.retry, ids, everything=everything)
    click.echo(f"Queued {counted(count, 'notification')}.")


@notify.command()
@click.argument("ids", metavar="ID...", nargs=-1, type=ID)
@click.option("--all", "everything", is_flag=True, help="Remove all deliveries.")
@click.option("--failed", is_flag=True, help="Remove all that failed.")
@pass_session
def drop(session: Session, ids: tuple[str, ...], everything: bool, failed: bool) -> None:
    """Remove deliveries; their targets are not told."""
    count = session.run(operations.drop, ids, everything=everything, failed=failed)
    click.echo(f"Removed {counted(count, 'notification')}.")


@notify.command()
@click.argument("target", type=TARGET)
@pass_session
def test(session: Session, target: str) -> None:
    """Send a test event to a target."""
    click.echo(f"Notified {target}: {session.run(operations.test, target)}")


@notify.command()
@pass_session
def deliver(session: Session) -> None:
    """Deliver what is due."""
    done = session.run(operations.deliver)
    for target in done.busy:
        session.progress.note(f"Another process is delivering to {target}.")
    click.echo(f"Delivered {counted(done.sent, 'notification')}.")
    if done.failed:
        raise RemoteError(
            f"{counted(done.failed, 'target')} could not be notified",
            hint='run "debrepo notify list"',
        )


def _state(shown: ShownDelivery) -> str:
    delivery = shown.delivery
    if shown.failed:
        return f"failed: {delivery.error}"
    if delivery.failures:
        return f"next attempt {_time(delivery.due)}: {delivery.error}"
    return "waiting"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _plain(shown: ShownDelivery) -> dict[str, object]:
    plain = {**shown.delivery._asdict(), "failed": shown.failed}
    with suppress(ValueError):
        plain["body"] = json.loads(shown.delivery.body)
    return plain
