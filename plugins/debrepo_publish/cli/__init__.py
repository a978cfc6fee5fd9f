"""``debrepo publish``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from debrepo.cli import pass_session
from debrepo.cli.output import counted, dry_run_option, json_option, print_json
from debrepo.errors import InvalidInput
from debrepo.progress import Stopwatch
from debrepo.session import Session
from debrepo_publish import adopting_operations, operations
from debrepo_publish.cli.care import repair, verify
from debrepo_publish.cli.clients import sources
from debrepo_publish.cli.differences import diff, show_difference
from debrepo_publish.cli.document import DOCUMENT, DocumentCommand, words
from debrepo_publish.cli.history import history
from debrepo_publish.cli.listing import list_, show
from debrepo_publish.cli.names import DISTRIBUTION, PLACE, SWITCHED, publishable
from debrepo_publish.cli.promoting import edit, promote
from debrepo_publish.cli.resigning import renew, resign
from debrepo_publish.cli.revisions import report, rollback, source, traffic

__all__ = ["promote", "publish"]

if TYPE_CHECKING:
    from collections.abc import Callable


def _passphrase_file(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        config = context.find_object(Session).config  # type: ignore[union-attr]  # see debrepo.cli
        name = f"signing.{config['signing.signer']}.passphrase_file"
        config.override(name, value, "--passphrase-file")


def _keyring(_: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        click.echo(
            f"{parameter.opts[0]} is ignored: keys come from signing.gpg.home, "
            "and --gpg-key chooses among them.",
            err=True,
        )


#: Options of publishing itself, and some that exist for compatibility with aptly.
_MANNERS = [
    click.option(
        "--force",
        is_flag=True,
        help="Publish even if nothing has changed, and over files of another publisher.",
    ),
    click.option(
        "--force-overwrite",
        is_flag=True,
        help="Replace package files that debrepo did not write.",
    ),
    click.option(
        "--passphrase-file",
        type=click.Path(exists=True, dir_okay=False, resolve_path=True),
        callback=_passphrase_file,
        expose_value=False,
        help="File with the passphrase of the signing keys.",
    ),
    *(
        click.option(
            name, callback=_keyring, expose_value=False, help="Ignored: see signing.gpg.home."
        )
        for name in ("--keyring", "--secret-keyring")
    ),
    *(
        click.option(
            name,
            is_flag=True,
            expose_value=False,
            help="Accepted for aptly compatibility; no effect.",
        )
        for name in ("--acquire-by-hash", "--batch")
    ),
]


def _manners(command: Any) -> Any:
    for option in reversed(_MANNERS):
        command = option(command)
    return command


def _document_options(command: Any) -> Any:
    for option in reversed(DOCUMENT):
        command = option(command)
    return command


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value not in (None, ())}


_place = click.argument("place", metavar="[[STORAGE:]PREFIX]", default="", type=PLACE)
_components = click.option(
    "--component",
    callback=words,
    help="Comma-separated list of components.",
)
_skip_cleanup = click.option("--skip-cleanup", is_flag=True, help="Do not delete superseded files.")
_yes_really = click.option(
    "--yes-really", is_flag=True, help="Replace or drop what is published though it is protected."
)
_markdown = click.option(
    "--markdown", is_flag=True, help="As --dry-run, with tables for a merge request."
)


@click.group()
def publish() -> None:
    """Publish repositories, snapshots and mirrors."""


publish.add_command(diff)
publish.add_command(edit)
publish.add_command(history)
publish.add_command(list_)
publish.add_command(show)
publish.add_command(repair)
publish.add_command(resign)
publish.add_command(renew)
publish.add_command(source)
publish.add_command(sources)
publish.add_command(rollback)
publish.add_command(verify)


_take_over = click.option(
    "--take-over",
    is_flag=True,
    help="Publish over what another tool has published, keeping what clients know.",
)


def _first(kind: str) -> Callable[..., None]:
    def command(
        session: Session,
        names: tuple[str, ...],
        distribution: str,
        component: tuple[str, ...] | None,
        force: bool,
        force_overwrite: bool,
        take_over: bool,
        dry_run: bool,
        markdown: bool,
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
        given: dict[str, Any] = {"components": components, "options": _given(options)}
        if dry_run or markdown:
            found = session.run(
                adopting_operations.diff,
                distribution,
                place,
                kind=kind,
                names=names[:count],
                take_over=take_over,
                **given,
            )
            show_difference(session, found, as_json=as_json, markdown=markdown)
            return
        words = (kind, names[:count], place)
        given |= {"distribution": distribution, "force": force}
        result = (
            session.run(adopting_operations.take_over, *words, **given)
            if take_over
            else session.run(operations.create, *words, **given, force_overwrite=force_overwrite)
        )
        report(session, result, watch, as_json=as_json)

    return command


_KINDS = (("repo", "repositories"), ("snapshot", "snapshots"), ("mirror", "mirrors"))
for _kind, _plural in _KINDS:
    _command = _document_options(_first(_kind))
    _command = json_option(_manners(_components(_command)))
    _command = _take_over(dry_run_option(_markdown(_command)))
    _command = click.option("--distribution", default="", help="Name below dists/.")(_command)
    _names = click.argument(
        "names", metavar="NAME... [[STORAGE:]PREFIX]", nargs=-1, type=publishable(_kind)
    )
    _command = _names(_command)
    publish.command(_kind, cls=DocumentCommand, help=f"Publish {_plural} for the first time.")(
        pass_session(_command)
    )


@publish.command(cls=DocumentCommand)
@click.argument("distribution", type=DISTRIBUTION)
@_place
@_skip_cleanup
@click.option("--same-packages", is_flag=True, help="Publish the packages that clients see now.")
@_yes_really
@_manners
@_take_over
@dry_run_option
@_markdown
@json_option
@pass_session
@_document_options
def update(
    session: Session,
    distribution: str,
    place: str,
    force: bool,
    force_overwrite: bool,
    skip_cleanup: bool,
    take_over: bool,
    yes_really: bool,
    same_packages: bool,
    dry_run: bool,
    markdown: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Publish what the package lists hold now, with pending changes of component sources."""
    given = _given(options)
    if same_packages and (dry_run or markdown or take_over):
        raise InvalidInput("--same-packages leaves no difference to show, and takes nothing over")
    if dry_run or markdown:
        found = session.run(
            adopting_operations.diff, distribution, place, take_over=take_over, options=given
        )
        show_difference(session, found, as_json=as_json, markdown=markdown)
        return
    watch = Stopwatch()
    if take_over:
        result = session.run(
            adopting_operations.take_over,
            place=place,
            distribution=distribution,
            options=given,
            force=force,
        )
    else:
        result = session.run(
            operations.update,
            distribution,
            place,
            options=given,
            force=force,
            force_overwrite=force_overwrite,
            skip_cleanup=skip_cleanup,
            yes_really=yes_really,
            same_packages=same_packages,
        )
    report(session, result, watch, as_json=as_json)


@publish.command(cls=DocumentCommand)
@click.argument("distribution", type=DISTRIBUTION)
@click.argument(
    "names", metavar="[[STORAGE:]PREFIX] SNAPSHOT...", nargs=-1, required=True, type=SWITCHED
)
@_components
@_skip_cleanup
@_yes_really
@_manners
@dry_run_option
@_markdown
@json_option
@pass_session
@_document_options
def switch(
    session: Session,
    distribution: str,
    names: tuple[str, ...],
    component: tuple[str, ...] | None,
    force: bool,
    force_overwrite: bool,
    skip_cleanup: bool,
    yes_really: bool,
    dry_run: bool,
    markdown: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Replace the published snapshots with others."""
    components = component or ()
    count = max(len(components), 1)
    place, snapshots = (names[0], names[1:]) if len(names) == count + 1 else ("", names)
    if dry_run or markdown:
        found = session.run(
            adopting_operations.diff,
            distribution,
            place,
            kind="snapshot",
            names=snapshots,
            components=components,
            options=_given(options),
        )
        show_difference(session, found, as_json=as_json, markdown=markdown)
        return
    watch = Stopwatch()
    result = session.run(
        operations.switch,
        distribution,
        snapshots,
        place,
        components=components,
        options=_given(options),
        force=force,
        force_overwrite=force_overwrite,
        skip_cleanup=skip_cleanup,
        yes_really=yes_really,
    )
    report(session, result, watch, as_json=as_json)


@publish.command()
@click.argument("distribution", type=DISTRIBUTION)
@_place
@_skip_cleanup
@_yes_really
@click.option("--force-drop", is_flag=True, help="Drop it even if its files cannot be deleted.")
@json_option
@pass_session
def drop(
    session: Session,
    distribution: str,
    place: str,
    skip_cleanup: bool,
    yes_really: bool,
    force_drop: bool,
    as_json: bool,
) -> None:
    """Drop a publication."""
    watch = Stopwatch()
    done = session.run(
        operations.drop,
        distribution,
        place,
        skip_cleanup=skip_cleanup,
        force=force_drop,
        yes_really=yes_really,
    )
    if as_json:
        print_json({**done._asdict(), "publication": done.publication._asdict()})
    else:
        click.echo(f"Dropped {distribution}.")
    session.progress.note(
        f"{counted(done.files, 'file')} deleted, in {watch}{traffic(done.requests)}."
    )
