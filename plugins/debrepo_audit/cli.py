"""``debrepo audit``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, json_option, print_json
from debrepo.errors import VerificationFailed
from debrepo_audit import operations

if TYPE_CHECKING:
    from debrepo.session import Session


@click.group()
def audit() -> None:
    """Show who changed what, and when."""


@audit.command("list")
@click.option("--actor", default="", help="Show only changes by this user or token.")
@click.option("--operation", default="", help="Show only this operation, such as repo.add.")
@click.option("--what", default="", help="Show only changes to this, such as repo:web.")
@click.option("--before", default=0, help="Show only records before this number; 0: all.")
@click.option("--limit", default=0, help="Maximum number of records; 0: all.")
@json_option
@pass_session
def list_(session: Session, /, *, as_json: bool, **wanted: Any) -> None:
    """List the records, newest first."""
    found = session.run(operations.list_, **wanted)
    if as_json:
        print_json(
            [{**r._asdict(), "changes": [change._asdict() for change in r.changes]} for r in found]
        )
        return
    for record in found:
        click.echo(f"{record.time}  {record.actor}  {record.operation}  {record.scope}")
        for change in record.changes:
            click.echo(f"    {change.what}  {change.before or '-'} -> {change.after or '-'}")


@audit.command()
@json_option
@pass_session
def verify(session: Session, as_json: bool) -> None:
    """Check the audit log for tampering.

    Keep the printed hash of the last record in another place, to detect later whether records
    were removed at the end.
    """
    verified = session.run(operations.verify)
    if as_json:
        print_json(verified._asdict())
    else:
        for fault in verified.faults:
            click.echo(fault)
        click.echo(f"{counted(verified.records, 'record')}, the last one {verified.head or '-'}")
    if verified.faults:
        raise VerificationFailed(f"the audit log has {counted(len(verified.faults), 'fault')}")
