"""``debrepo publish rollback`` and ``debrepo publish source``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, json_option, print_json, size
from debrepo.progress import Stopwatch
from debrepo_publish import operations
from debrepo_publish.cli.differences import numbered
from debrepo_publish.cli.names import DISTRIBUTION, PLACE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from debrepo.session import Session
    from debrepo_publish.engine.publishing import Result
    from debrepo_publish.model.publication import Publication


def report(session: Session, result: Result, watch: Stopwatch, *, as_json: bool) -> None:
    """Print the result of a publish."""
    publication = result.publication
    if as_json:
        print_json({**result._asdict(), "publication": publication._asdict()})
    elif result.changed:
        signed = (
            f"signed by {', '.join(result.fingerprints)}" if result.fingerprints else "unsigned"
        )
        signed = "as its archive has signed it" if publication.verbatim else signed
        click.echo(
            f"Published {publication}: {counted(result.packages, 'package')}, "
            f"generation {result.generation}, {signed}."
        )
        if result.url:
            click.echo(f"Clients find it at {result.url}")
    else:
        click.echo(f"Nothing has changed in {publication}; nothing was written.")
    session.progress.note(
        f"{counted(result.files, 'new file')}, "
        f"{counted(result.indexes, 'index', lambda _: 'indexes')} written, in {watch}"
        f"{traffic(result.requests)}."
    )


def traffic(requests: Mapping[str, int]) -> str:
    """Return the requests to a storage's service as the end of a sentence."""
    kinds = {kind: count for kind, count in requests.items() if not kind.startswith("bytes ")}
    if not kinds:
        return ""
    each = ", ".join(f"{kind} {count:,}" for kind, count in kinds.items())
    sent, received = (size(requests.get(f"bytes {way}", 0)) for way in ("sent", "received"))
    total = counted(sum(kinds.values()), "request")
    return f"; {total} ({each}), {sent} sent, {received} received"


@click.command()
@click.argument("distribution", type=DISTRIBUTION)
@click.argument("words", metavar="[[STORAGE:]PREFIX] [GENERATION]", nargs=-1)
@click.option("--skip-cleanup", is_flag=True, help="Do not delete superseded files.")
@json_option
@pass_session
def rollback(
    session: Session,
    distribution: str,
    words: tuple[str, ...],
    skip_cleanup: bool,
    as_json: bool,
) -> None:
    """Publish an older generation again, by its number, or the one before the live one.

    `debrepo publish show` lists them. The next update publishes the current packages again.
    """
    place, numbers = numbered(words, most=1)
    watch = Stopwatch()
    result = session.run(
        operations.rollback,
        distribution,
        place,
        generation=numbers[0] if numbers else 0,
        skip_cleanup=skip_cleanup,
    )
    report(session, result, watch, as_json=as_json)


@click.group()
def source() -> None:
    """Change the component sources of the next update."""


_prefix = click.option(
    "--prefix", "place", default="", type=PLACE, help="Place of the publication: [STORAGE:]PREFIX."
)
_components = click.option(
    "--component", default="", help="Comma-separated list of components, in the order of sources."
)


def _split(component: str) -> list[str]:
    return [name.strip() for name in component.split(",")] if component else []


@source.command("list")
@click.argument("distribution", type=DISTRIBUTION)
@_prefix
@json_option
@pass_session
def list_(session: Session, distribution: str, place: str, as_json: bool) -> None:
    """List the component sources of the next update, if any change is pending."""
    publication = session.run(operations.source_list, distribution, place)
    if as_json:
        rows = (publication.pending or {}).items()
        print_json([{"component": component, "source": name} for component, name in rows])
        return
    _print(publication)


def _print(publication: Publication) -> None:
    for component, name in (publication.pending or {}).items():
        now = publication.sources.get(component, "nothing")
        click.echo(f"  {component}: {name}" + (f", so far {now}" if now != name else ""))
    for component in publication.sources:
        if component not in (publication.pending or {}):
            click.echo(f"  {component}: removed")


def _revising(name: str, operation: Callable[..., Publication], summary: str) -> None:
    @click.argument("distribution", type=DISTRIBUTION)
    @click.argument("names", metavar="SOURCE...", nargs=-1, required=True)
    @_components
    @_prefix
    @click.option(
        "--kind", default="", help="Kind of the sources; default: that of the current ones."
    )
    @pass_session
    def command(
        session: Session,
        distribution: str,
        names: tuple[str, ...],
        component: str,
        place: str,
        kind: str,
    ) -> None:
        publication = session.run(
            operation, distribution, names, place, components=_split(component), kind=kind
        )
        _print_pending(publication)

    command.__doc__ = summary
    source.command(name)(command)


def _print_pending(publication: Publication) -> None:
    if publication.pending is None:
        click.echo(f"No changes are pending for {publication}.")
        return
    click.echo(f"With the next update of {publication}:")
    _print(publication)


_revising("add", operations.source_add, "Let components join.")
_revising("update", operations.source_update, "Change the package lists of components.")
_revising("replace", operations.source_replace, "Replace all components.")


@source.command()
@click.argument("distribution", type=DISTRIBUTION)
@click.option("--component", required=True, help="Comma-separated list of components.")
@_prefix
@pass_session
def remove(session: Session, distribution: str, component: str, place: str) -> None:
    """Remove components."""
    _print_pending(session.run(operations.source_remove, distribution, _split(component), place))


@source.command()
@click.argument("distribution", type=DISTRIBUTION)
@_prefix
@pass_session
def drop(session: Session, distribution: str, place: str) -> None:
    """Drop the pending changes."""
    _print_pending(session.run(operations.source_drop, distribution, place))
