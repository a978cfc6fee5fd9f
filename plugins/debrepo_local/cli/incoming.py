"""``debrepo repo include`` and ``debrepo repo watch``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debrepo.cli import pass_session
from debrepo.cli.options import read_text
from debrepo.cli.output import counted, json_option
from debrepo.errors import DebrepoError
from debrepo.notices import at_the_end
from debrepo_local import operations
from debrepo_local.reporting import report

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.session import Session
    from debrepo_local.watching import WatchedUpload


def content(_: click.Context, __: click.Parameter, path: str | None) -> str | None:
    """Return the contents of a file; an empty name removes what is set."""
    return read_text(Path(path)) if path else path


strict_option = click.option(
    "--strict", is_flag=True, help="Fail if a directory contains no files to add."
)


def _terms(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says on which terms uploads are included."""
    for option in (
        click.option(
            "--uploaders-file",
            "uploaders",
            callback=content,
            help="JSON file that says who may include uploads, for repositories without rules.",
        ),
        click.option("--keyring", default="", help="Keyring in the GnuPG home to verify with."),
        click.option(
            "--ignore-signatures",
            "--ignore-signature",
            is_flag=True,
            help="Do not verify signatures.",
        ),
        click.option("--accept-unsigned", is_flag=True, help="Accept uploads without a signature."),
        click.option(
            "--force-replace", is_flag=True, help="Replace packages that differ in content."
        ),
        click.option(
            "--repo",
            "target",
            default="{{.Distribution}}",
            show_default=True,
            help="Repository to add to: a name, or a template of fields of the .changes file.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@_terms
@click.option("--no-remove-files", is_flag=True, help="Keep the files after they have been added.")
@strict_option
@json_option
@pass_session
def include(
    session: Session,
    /,
    files: tuple[Path, ...],
    target: str,
    no_remove_files: bool,
    uploaders: str | None,
    strict: bool,
    as_json: bool,
    **terms: Any,
) -> None:
    """Add the packages of signed uploads.

    FILES are .changes files, or directories to search for them. An upload has to be signed with a
    trusted key: see "debrepo key trust".
    """
    found = session.run(
        operations.include,
        files,
        repo=target,
        remove_files=not no_remove_files,
        uploaders=uploaders or "",
        **terms,
    )
    report(session, found, strict=strict, as_json=as_json)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@_terms
@click.option("--once", is_flag=True, help="Take what is complete now, and end.")
@click.option(
    "--interval", type=float, default=2.0, show_default=True, help="Seconds between two looks."
)
@click.option(
    "--settle",
    type=float,
    default=5.0,
    show_default=True,
    help="Seconds that the files of an upload have to be unchanged.",
)
@click.option(
    "--patience",
    default="1d",
    show_default=True,
    metavar="SPAN",
    help="Refuse an upload that has lacked files for so long: 1h, 1d, 1w.",
)
@json_option
@pass_session
def watch(
    session: Session,
    /,
    directory: Path,
    target: str,
    uploaders: str | None,
    as_json: bool,
    **terms: Any,
) -> None:
    """Include signed uploads as they arrive in a directory.

    An upload is taken once its .changes and all files that it lists are there and nobody writes to
    them. What is in is deleted; what is refused is moved to the directory "rejected", with the
    reason. Goes on until it is stopped; any number of processes may watch one directory.
    """
    found = session.run(
        operations.watch, directory.absolute(), repo=target, uploaders=uploaders or "", **terms
    )
    refused = count = 0
    for done in found:
        count, refused = count + 1, refused + bool(done.reason)
        _print(done, as_json=as_json)
        if not terms["once"]:
            at_the_end(session)
    if refused:
        raise DebrepoError(f"{refused} of {counted(count, 'upload')} refused")


def _print(done: WatchedUpload, *, as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps(done._asdict(), ensure_ascii=False))
    elif done.reason:
        click.echo(f"refused  {done.name}: {done.reason}; see {done.aside}", err=True)
    else:
        click.echo(f"included {done.name} in {done.repo}: {', '.join(done.packages)}")
