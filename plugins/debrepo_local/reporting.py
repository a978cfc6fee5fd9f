"""What ``debrepo repo add`` and ``debrepo repo include`` print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli.output import counted, print_json
from debrepo.errors import DebrepoError, NotFound
from debrepo.progress import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from debrepo.session import Session
    from debrepo_local.adding import Outcome

_TOGETHER = 128  # lines


def report(
    session: Session, found: Iterable[Outcome], *, strict: bool, as_json: bool, name: str = ""
) -> None:
    """Print the outcome of each file as it is known, then a summary for each repository.

    ``name`` is that of the repository if there is only one.
    """
    watch = Stopwatch()
    outcomes = []
    lines: list[str] = []  # on their way to standard output, where each alone takes long
    try:
        for outcome in found:
            outcomes.append(outcome)
            if as_json:
                continue
            if outcome.package and outcome.status not in ("failed", "empty"):
                lines.append(f"{outcome.status:8} {outcome.package}")
                if len(lines) < _TOGETHER:
                    continue
            _print(lines)
            if outcome.status == "failed":
                click.echo(f"failed   {outcome.source}: {outcome.reason}", err=True)
                if outcome.hint:
                    click.echo(f"         {outcome.hint}", err=True)
            elif outcome.status == "empty" and not strict:
                click.echo(f"Warning: {outcome.source}: {outcome.reason}", err=True)
    finally:  # they are in, whatever happened to the next one
        _print(lines)
    if as_json:
        print_json([outcome._asdict() for outcome in outcomes])
    for repo in sorted({outcome.repo for outcome in outcomes} | ({name} if name else set())):
        said = _summary([outcome for outcome in outcomes if outcome.repo == repo])
        session.progress.note(f"{repo or 'no repository'}: {said}, in {watch}.")
    empty = [outcome for outcome in outcomes if outcome.status == "empty"]
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    if failed:
        tried = counted(len(outcomes) - len(empty), "file")
        raise DebrepoError(f"{failed} of {tried} could not be added")
    if empty and strict:
        raise NotFound(f"{empty[0].source}: {empty[0].reason}")


def _print(lines: list[str]) -> None:
    if lines:
        click.echo("\n".join(lines))
        lines.clear()


def _summary(outcomes: Sequence[Outcome]) -> str:
    kinds = ("added", "replaced", "repaired", "skipped")
    by_status = {kind: sum(one.status == kind for one in outcomes) for kind in kinds}
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    said = ", ".join(f"{number} {status}" for status, number in by_status.items() if number)
    return f"{said or 'nothing added'}, {failed} failed"


def check_removed(session: Session, name: str, gone: Collection[object], *, strict: bool) -> None:
    """Warn that nothing was removed from a repository; raise `NotFound` with ``strict``."""
    if gone:
        return
    said = f"no package of {name} matches"
    if strict:
        raise NotFound(said, hint=f'run "debrepo repo search {name}"')
    session.progress.note(f"Warning: {said}.")
