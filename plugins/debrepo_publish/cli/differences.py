"""``debrepo publish diff``, and what ``--dry-run`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, json_option, print_json, print_table
from debrepo_publish import adopting_operations, promoting_operations
from debrepo_publish.cli.names import DISTRIBUTION, PLACE

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_publish.adopting.differences import ClientDifference

_NOTHING = "Clients would notice nothing of a publish of {}."


@click.command()
@click.argument("distribution", type=DISTRIBUTION)
@click.argument("words", metavar="[[STORAGE:]PREFIX] [FROM [TO]]", nargs=-1, type=PLACE)
@click.option("--url", help="URL of the archive root, to compare with what clients get.")
@click.option("--quick", is_flag=True, help="Trust the database on what clients get now.")
@click.option("--markdown", is_flag=True, help="Print tables for a merge request.")
@json_option
@pass_session
def diff(
    session: Session,
    distribution: str,
    words: tuple[str, ...],
    url: str | None,
    quick: bool,
    markdown: bool,
    as_json: bool,
) -> None:
    """Show what clients would notice of the next update, or noticed between two generations.

    FROM and TO are numbers of generations that are kept, see `debrepo publish history`; without TO,
    FROM is compared with the live one. Packages are compared by their newest versions. Fields of
    Release whose change makes `apt-get update` fail until somebody confirms it are marked. With
    --quick, nothing is read of what is published, so that it takes as long as there are changes.
    """
    place, numbers = numbered(words, most=2)
    nothing = _NOTHING
    if quick and (url or numbers):
        raise click.UsageError("--quick compares the next update with what the database has")
    if quick:
        found = session.run(promoting_operations.preview, distribution, place)
    elif not numbers:
        found = session.run(adopting_operations.diff, distribution, place, url=url)
    elif url:
        raise click.UsageError("--url is compared with the next update, and with no generation")
    else:
        start, end = (*numbers, 0)[:2]
        found = session.run(adopting_operations.compare, distribution, place, start=start, end=end)
        nothing = "Clients saw no difference between these generations of {}."
    show_difference(session, found, as_json=as_json, markdown=markdown, nothing=nothing)


def numbered(words: tuple[str, ...], *, most: int) -> tuple[str, tuple[int, ...]]:
    """Return the place and the numbers of generations among the words behind a distribution."""
    start = next((at for at, word in enumerate(words) if _is_number(word)), len(words))
    places, numbers = words[:start], words[start:]
    odd = next((word for word in numbers if not _is_number(word)), None)
    if odd is None and len(places) > 1:
        odd = places[1]
    if odd is not None:
        raise click.UsageError(f"{odd!r} is not the number of a generation")
    if len(numbers) > most:
        raise click.UsageError(f"{len(numbers)} generations are too many")
    return (places[0] if places else ""), tuple(map(int, numbers))


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 10 and int(word) > 0


def show_difference(
    session: Session,
    found: ClientDifference,
    *,
    as_json: bool,
    markdown: bool = False,
    nothing: str = _NOTHING,
) -> None:
    """Print what clients would notice."""
    if as_json:
        rows = [package._asdict() for package in found.packages]
        fields = [field._asdict() for field in found.fields]
        print_json({**found._asdict(), "packages": rows, "fields": fields})
        return
    counts: dict[str, int] = {}
    for package in found.packages:
        counts[package.change] = counts.get(package.change, 0) + 1
    if markdown:
        _print_markdown(found)
    else:
        _print_text(found)
    for problem in found.problems:
        session.progress.note(f"Warning: {problem}")
    said = ", ".join(f"{count} {change}" for change, count in sorted(counts.items()))
    if found.new:
        click.echo(f"Nothing is published as {found.publication} yet.")
    elif not counts and not found.fields:
        click.echo(nothing.format(found.publication))
    session.progress.note(f"{counted(len(found.packages), 'package')} changed: {said or 'none'}.")


def _print_text(found: ClientDifference) -> None:
    for field in found.fields:
        stops = "; apt stops until somebody confirms it" if field.stops else ""
        click.echo(f"{field.name}: {_said(field.before)} becomes {_said(field.after)}{stops}")
    for package in found.packages:
        versions = " -> ".join(dict.fromkeys(filter(None, (package.before, package.after))))
        where = f"{package.component} {package.architecture}"
        click.echo(f"{package.change:10} {where} {package.name} {versions}")


def _print_markdown(found: ClientDifference) -> None:
    if found.fields:
        rows = [
            (field.name, field.before or "-", field.after or "-", "stops" if field.stops else "-")
            for field in found.fields
        ]
        print_table([("Field", "Before", "After", "apt"), *rows], markdown=True)
    if found.fields and found.packages:
        click.echo()  # or the two were one table
    if found.packages:
        packages = [tuple(value or "-" for value in package) for package in found.packages]
        head = ("Change", "Component", "Architecture", "Package", "Before", "After")
        print_table([head, *packages], markdown=True)


def _said(value: str) -> str:
    return repr(value) if value else "absent"
