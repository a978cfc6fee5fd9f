"""``debrepo publish list`` and ``debrepo publish show``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, json_option, print_fields, print_json, print_lines
from debrepo.clock import moment
from debrepo_publish import listing_operations as operations
from debrepo_publish import overview_operations
from debrepo_publish.cli.names import DISTRIBUTION, PLACE
from debrepo_publish.model.publication import Publication

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_publish.model.publication import Generation
    from debrepo_publish.overview_operations import PublicationOverview


@click.command("list")
@click.option("--raw", is_flag=True, help="Print place and distribution only.")
@json_option
@pass_session
def list_(session: Session, raw: bool, as_json: bool) -> None:
    """List publications."""
    if raw and not as_json:
        print_lines(publication.key for publication in session.run(operations.list_))
        return
    shown = session.run(overview_operations.overview)
    if as_json:
        print_json([_row(one) for one in shown])
        return
    for each in shown:
        pairs = each.publication.sources.items()
        sources = ", ".join(f"{component}: {source}" for component, source in pairs)
        signed = f"signed by {', '.join(map(str, each.signers))}" if each.signers else "unsigned"
        click.echo(f"{each.publication}\t{sources}\t[{', '.join(each.architectures)}]\t{signed}")


def _row(shown: PublicationOverview) -> dict[str, object]:
    """Return a publication for JSON: the fields of its document, and what is live."""
    live = shown._asdict()
    del live["publication"]
    signatures = [signer._asdict() for signer in live.pop("signers")]
    more = {"served": live.pop("architectures"), "signatures": signatures}
    return {**shown.publication._asdict(), **live, **more}


def _live(shown: operations.Shown) -> dict[str, object]:
    """Return what JSON has of the live generation besides the fields of the publication."""
    signers = [signer._asdict() for signer in shown.signers]
    return {"served": _served(shown), "signatures": signers}


def _served(shown: operations.Shown) -> tuple[str, ...]:
    """Return the architectures of the live generation."""
    live = shown.publication.live
    return next((g.serves for g in shown.generations if g.number == live), ())


@click.command()
@click.argument("distribution", type=DISTRIBUTION)
@click.argument("place", metavar="[[STORAGE:]PREFIX]", default="", type=PLACE)
@click.option(
    "--generation", type=click.IntRange(min=1), default=None, help="Show one that is kept."
)
@json_option
@pass_session
def show(
    session: Session, distribution: str, place: str, generation: int | None, as_json: bool
) -> None:
    """Show a publication and its generations, or one of them."""
    if generation is not None:
        words = distribution, place
        for found in session.run(operations.show, *words, generation=generation).generations:
            _show_one(found, as_json=as_json)
        return
    shown = session.run(operations.show, distribution, place, signers=True)
    publication, generations, signers = shown
    served = _served(shown)
    if as_json:
        rows = [_plain(generation) for generation in generations]
        print_json({**publication._asdict(), **_live(shown), "generations": rows})
        return
    titles = {name: _title(name) for name in Publication._fields if name != "options"}
    said = publication._replace(
        sources={}, storage=publication.storage or "default", architectures=served, options={}
    )
    fields = {titles[name]: _said(value) for name, value in said._asdict().items() if value}
    more = {_title(name): _said(value) for name, value in publication.options.items()}
    until = next((g.expires for g in generations if g.number == publication.live), 0)
    fields["Signatures"] = [str(signer) for signer in signers]
    fields["Valid until"] = moment(until).isoformat() if until else ""
    print_fields({**fields, **more})
    for component, source in publication.sources.items():
        click.echo(f"  {component}: {source}")
    for one in generations:
        ended = f", until {moment(one.ended).isoformat()}" if one.ended else ""
        click.echo(
            f"  generation {one.number} ({one.state}): {counted(one.size, 'package')}, "
            f"{one.created}{ended}, {one.who}: {one.why}"
        )


def _show_one(found: Generation, *, as_json: bool) -> None:
    """Print what clients saw of a publication at a time."""
    if as_json:
        print_json(_plain(found))
        return
    origin, label = found.publication.names
    print_fields(
        {
            "Generation": found.number,
            "State": found.state,
            "Created": found.created,
            "Ended": moment(found.ended).isoformat() if found.ended else "",
            "By": found.who,
            "Why": found.why,
            "Made after": found.base or "",
            "Origin": origin,
            "Label": label,
            "Suite": found.publication.suite or found.publication.distribution,
            "Codename": found.publication.codename or found.publication.distribution,
            "Architectures": found.serves,
            "Valid until": moment(found.expires).isoformat() if found.expires else "",
            "Packages": found.size,
            "Indexes": "deleted" if found.bare else len(found.indexes),
        }
    )
    for component, part in found.parts.items():
        count = counted(sum(part.architectures.values()), "package")
        click.echo(f"  {component}: {part.source}, {count}")


def _title(name: str) -> str:
    return "Checksums" if name == "sums" else name.replace("_", " ").capitalize()


def _said(value: object) -> object:
    return ("no", "yes")[value] if isinstance(value, bool) else value


def _plain(generation: Generation) -> dict[str, object]:
    parts = {name: part._asdict() for name, part in generation.parts.items()}
    indexes = {path: index._asdict() for path, index in generation.indexes.items()}
    fields = {**generation._asdict(), "parts": parts, "indexes": indexes}
    publication = fields.pop("publication")
    return {**fields, "document": publication._asdict()}
