"""What ``debrepo repo add`` and ``debrepo repo include`` print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli.output import counted, print_json
from debrepo.errors import DebrepoError, NotFound
from debrepo.progress import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from debrepo.session import Session
    from debrepo_local.adding import Outcome


def report(
    session: Session, name: str, found: Iterable[Outcome], *, strict: bool, as_json: bool
) -> None:
    """Print the outcome of each file as it is known, then a summary."""
    watch = Stopwatch()
    outcomes = []
    for outcome in found:
        outcomes.append(outcome)
        if as_json:
            continue
        if outcome.status == "failed":
            click.echo(f"failed   {outcome.source}: {outcome.reason}", err=True)
            if outcome.hint:
                click.echo(f"         {outcome.hint}", err=True)
        elif outcome.status == "empty" and not strict:
            click.echo(f"Warning: {outcome.source}: {outcome.reason}", err=True)
        elif outcome.package:
            click.echo(f"{outcome.status:8} {outcome.package}")
    if as_json:
        print_json([outcome._asdict() for outcome in outcomes])
    by_status = {s: sum(o.status == s for o in outcomes) for s in ("added", "replaced", "skipped")}
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    said = ", ".join(f"{number} {status}" for status, number in by_status.items() if number)
    session.progress.note(f"{name}: {said or 'nothing added'}, {failed} failed, in {watch}.")
    empty = [outcome for outcome in outcomes if outcome.status == "empty"]
    if failed:
        tried = counted(len(outcomes) - len(empty), "file")
        raise DebrepoError(f"{failed} of {tried} could not be added")
    if empty and strict:
        raise NotFound(f"{empty[0].source}: {empty[0].reason}")
