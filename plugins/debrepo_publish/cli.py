"""``debrepo publish``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from debrepo.cli import pass_session
from debrepo.output import counted, json_option, print_fields, print_json, size
from debrepo.progress import Stopwatch
from debrepo_publish import operations
from debrepo_publish.clock import moment
from debrepo_publish.model import Publication
from debrepo_publish.names import DISTRIBUTION, KEY, PLACE, SWITCHED, publishable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from debrepo.session import Session
    from debrepo_publish.engine import Result
    from debrepo_publish.model import Generation


def _words(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(part.strip() for part in value.split(","))


def _seconds(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    return None if value is None else operations.parse_duration(value)


def _not(_: click.Context, __: click.Parameter, value: bool | None) -> bool | None:
    return None if value is None else not value


def _yes(_: click.Context, __: click.Parameter, value: str | None) -> bool | None:
    return None if value is None else value == "yes"


_YES_NO = click.Choice(["yes", "no"])

#: Options that set a field of the publication of the same name.
_DOCUMENT = [
    click.option("--architectures", callback=_words, help="Architectures, with commas between."),
    click.option("--origin", help="Origin, as in the Release file."),
    click.option("--label", help="Label, as in the Release file."),
    click.option("--suite", help="Suite, if not the distribution."),
    click.option("--codename", help="Codename, if not the distribution."),
    click.option("--version", help="Version of the distribution, such as 12.7."),
    click.option("--description", help="One line about the distribution."),
    click.option(
        "--notautomatic",
        "not_automatic",
        type=_YES_NO,
        callback=_yes,
        help="Whether clients install from it only what they are told to.",
    ),
    click.option(
        "--butautomaticupgrades",
        "but_automatic_upgrades",
        type=_YES_NO,
        callback=_yes,
        help="Whether they upgrade what they have from it all the same.",
    ),
    click.option("--signed-by", help="Fingerprints that may sign the next Release file."),
    click.option(
        "--valid-for", callback=_seconds, help="Time after which clients refuse it, such as 14d."
    ),
    click.option(
        "--gpg-key", "keys", multiple=True, type=KEY, help="Key to sign with; may be repeated."
    ),
    click.option("--skip-signing/--sign", default=None, help="Publish without a signature."),
    click.option(
        "--skip-contents/--contents",
        "contents",
        default=None,
        callback=_not,
        help="Publish no Contents files.",
    ),
    click.option(
        "--compressions", callback=_words, help="Forms of the indexes: plain, gz, xz, zst, bz2."
    ),
    click.option("--sums", callback=_words, help="Sums to list: md5, sha1, sha256, sha512."),
    click.option("--keep-generations", type=int, help="Superseded generations that stay."),
    click.option("--grace", callback=_seconds, help="Time for which superseded files stay."),
]


def _document_options(command: Any) -> Any:
    for option in reversed(_DOCUMENT):
        command = option(command)
    return command


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value not in (None, ())}


_place = click.argument("place", metavar="[[STORAGE:]PREFIX]", default="", type=PLACE)
_components = click.option(
    "--component", callback=_words, help="Components, with commas between, in the order of names."
)
_force = click.option(
    "--force", is_flag=True, help="Publish anew, whatever is there and whether it changed or not."
)


@click.group()
def publish() -> None:
    """Publish repositories, snapshots."""


def _first(kind: str) -> Callable[..., None]:
    def command(
        session: Session,
        names: tuple[str, ...],
        distribution: str,
        component: tuple[str, ...] | None,
        force: bool,
        as_json: bool,
        **options: Any,
    ) -> None:
        watch = Stopwatch()
        components = component or ()
        count = max(len(components), 1)
        place = names[count] if len(names) == count + 1 else ""
        if len(names) not in (count, count + 1):
            raise click.UsageError(
                f"{len(names)} names for {counted(count, 'component')}; "
                "one list for each component of --component, then a prefix"
            )
        result = session.run(
            operations.create,
            kind,
            names[:count],
            place,
            distribution=distribution,
            components=components,
            options=_given(options),
            force=force,
        )
        _report(session, result, watch, as_json=as_json)

    return command


for _kind, _plural in (("repo", "repositories"), ("snapshot", "snapshots")):
    _command = _document_options(_first(_kind))
    _command = json_option(_force(_components(_command)))
    _command = click.option("--distribution", default="", help="Name below dists/.")(_command)
    _names = click.argument(
        "names", metavar="NAME... [[STORAGE:]PREFIX]", nargs=-1, type=publishable(_kind)
    )
    _command = _names(_command)
    publish.command(_kind, help=f"Publish {_plural} for the first time.")(pass_session(_command))


@publish.command()
@click.argument("distribution", type=DISTRIBUTION)
@_place
@_force
@json_option
@pass_session
@_document_options
def update(
    session: Session, distribution: str, place: str, force: bool, as_json: bool, **options: Any
) -> None:
    """Publish what the package lists hold now."""
    watch = Stopwatch()
    result = session.run(
        operations.update, distribution, place, options=_given(options), force=force
    )
    _report(session, result, watch, as_json=as_json)


@publish.command()
@click.argument("distribution", type=DISTRIBUTION)
@click.argument(
    "names", metavar="[[STORAGE:]PREFIX] SNAPSHOT...", nargs=-1, required=True, type=SWITCHED
)
@_components
@_force
@json_option
@pass_session
@_document_options
def switch(
    session: Session,
    distribution: str,
    names: tuple[str, ...],
    component: tuple[str, ...] | None,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Publish other snapshots in the place of those published so far."""
    watch = Stopwatch()
    components = component or ()
    count = max(len(components), 1)
    place, snapshots = (names[0], names[1:]) if len(names) == count + 1 else ("", names)
    result = session.run(
        operations.switch,
        distribution,
        snapshots,
        place,
        components=components,
        options=_given(options),
        force=force,
    )
    _report(session, result, watch, as_json=as_json)


def _report(session: Session, result: Result, watch: Stopwatch, *, as_json: bool) -> None:
    publication = result.publication
    if as_json:
        print_json({**result._asdict(), "publication": publication._asdict()})
    elif result.changed:
        signed = (
            f"signed by {', '.join(result.fingerprints)}" if result.fingerprints else "unsigned"
        )
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
        f"{_traffic(result.requests)}."
    )


def _traffic(requests: Mapping[str, int]) -> str:
    """Return what a storage says it asked of its service, as the end of a sentence."""
    kinds = {kind: count for kind, count in requests.items() if not kind.startswith("bytes ")}
    if not kinds:
        return ""
    each = ", ".join(f"{kind} {count:,}" for kind, count in kinds.items())
    sent, received = (size(requests.get(f"bytes {way}", 0)) for way in ("sent", "received"))
    total = counted(sum(kinds.values()), "request")
    return f"; {total} ({each}), {sent} sent, {received} received"


@publish.command()
@click.argument("distribution", type=DISTRIBUTION)
@_place
@pass_session
def drop(session: Session, distribution: str, place: str) -> None:
    """Take a publication down."""
    session.run(operations.drop, distribution, place)
    click.echo(f"Took down {distribution}.")


@publish.command("list")
@click.option("--raw", is_flag=True, help="Print place and distribution only.")
@json_option
@pass_session
def list_(session: Session, raw: bool, as_json: bool) -> None:
    """List what is published."""
    found = session.run(operations.list_)
    if as_json:
        print_json([publication._asdict() for publication in found])
        return
    for publication in found:
        sources = ", ".join(f"{name}: {source}" for name, source in publication.sources.items())
        click.echo(publication.key if raw else f"{publication}\t{sources}")


@publish.command()
@click.argument("distribution", type=DISTRIBUTION)
@_place
@json_option
@pass_session
def show(session: Session, distribution: str, place: str, as_json: bool) -> None:
    """Show a publication and its generations."""
    publication, generations = session.run(operations.show, distribution, place)
    if as_json:
        rows = [_plain(generation) for generation in generations]
        print_json({**publication._asdict(), "generations": rows})
        return
    titles = {name: name.replace("_", " ").capitalize() for name in Publication._fields}
    said = publication._replace(sources={}, storage=publication.storage or "default")
    print_fields({titles[name]: value for name, value in said._asdict().items() if value})
    for component, source in publication.sources.items():
        click.echo(f"  {component}: {source}")
    for generation in generations:
        count = sum(sum(part.architectures.values()) for part in generation.parts.values())
        ended = f", until {moment(generation.ended).isoformat()}" if generation.ended else ""
        click.echo(
            f"  generation {generation.number} ({generation.state}): "
            f"{counted(count, 'package')}, {generation.created}{ended}, "
            f"{generation.who}: {generation.why}"
        )


def _plain(generation: Generation) -> dict[str, object]:
    parts = {name: part._asdict() for name, part in generation.parts.items()}
    indexes = {path: index._asdict() for path, index in generation.indexes.items()}
    return {**generation._asdict(), "parts": parts, "indexes": indexes}
