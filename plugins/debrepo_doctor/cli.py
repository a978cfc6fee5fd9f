"""``debrepo doctor``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, json_option, print_json
from debrepo.errors import VerificationFailed
from debrepo_doctor import operations

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debrepo.health import Checkup
    from debrepo.session import Session


@click.command()
@click.option("--files", is_flag=True, help="Also read every published package file.")
@click.option("--strict", is_flag=True, help="Fail for warnings too.")
@click.option(
    "--watch",
    metavar="[SECONDS]",
    is_flag=False,
    flag_value=60,
    type=click.IntRange(1),
    help="Look again every minute, or so many seconds, and print what changes.",
)
@json_option
@pass_session
def doctor(session: Session, files: bool, strict: bool, watch: int | None, as_json: bool) -> None:
    """Tell whether everything is all right.

    Checks every publication in its storage and, where its URL is configured, as clients get it;
    the keys and what they have signed; disk, database, backups and configuration; and what else
    plugins look after. Each concern is one line with what to do about it. With any error, the exit
    code is 6; with -q, what is all right is not printed.
    """
    found = session.run(operations.doctor, thorough=files)
    _print(found, as_json=as_json, quiet=session.progress.quiet)
    while watch:
        time.sleep(watch)
        before, found = found, session.run(operations.doctor, thorough=files)
        _print_changes(before, found, as_json=as_json)
    count = sum(len(one.concerns) for one in found if strict or one.status == "error")
    if count:
        wrong = [one for one in found if one.status == "error" or (strict and one.concerns)]
        verb = "needs" if len(wrong) == 1 else "need"
        raise VerificationFailed(f"{counted(len(wrong), 'thing')} of {len(found)} {verb} attention")


def _print(found: Sequence[Checkup], *, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json([_plain(one) for one in found])
        return
    for one in found:
        if one.concerns or not quiet:
            for line in _lines(one):
                click.echo(line)


def _print_changes(before: Sequence[Checkup], found: Sequence[Checkup], *, as_json: bool) -> None:
    """Print what is not as it was, with the time; a line of JSON each."""
    known = {(one.area, one.name): one for one in before}
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    for one in found:
        seen = known.get((one.area, one.name))
        if seen is not None and seen.concerns == one.concerns:
            continue
        if as_json:
            import json

            click.echo(json.dumps({"at": now, **_plain(one)}, ensure_ascii=False))
        else:
            for line in _lines(one):
                click.echo(f"{now} {line}")


def _plain(one: Checkup) -> dict[str, object]:
    concerns = [concern._asdict() for concern in one.concerns]
    return {
        "area": one.area,
        "name": one.name,
        "status": one.status,
        "details": one.details,
        "concerns": concerns,
    }


def _lines(one: Checkup) -> Iterator[str]:
    if not one.concerns:
        yield f"ok: {one.area} {one.name}{f': {one.details}' if one.details else ''}"
    for concern in one.concerns:
        hint = f" ({concern.hint})" if concern.hint else ""
        yield f"{concern.severity}: {one.area} {one.name}: {concern.text}{hint}"
