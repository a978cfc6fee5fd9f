"""``debrepo package``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debrepo.cli import pass_session
from debrepo.cli.options import QueryText, Style, format_option, search_options
from debrepo.cli.output import counted, described, json_option, print_json
from debrepo.errors import DebrepoError, NotFound
from debrepo_package import browsing_operations, operations

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo.templates import Template
    from debrepo_package.linting import Linted, LintFinding
    from debrepo_package.operations import ShownPackage


@click.group()
def package() -> None:
    """Search, show and check packages."""


@package.command()
@search_options
@pass_session
def search(
    session: Session, queries: tuple[str, ...], choice: dict[str, Any], style: Style
) -> None:
    """Search all packages in the database."""
    style.print(session.run(operations.search, queries, **choice), queries)


@package.command()
@click.argument("query", type=QueryText())
@click.option("--with-files", is_flag=True, help="Show where the files are in the pool.")
@click.option(
    "--with-references",
    is_flag=True,
    help="Show the lists that contain it and the publications that serve it.",
)
@format_option
@json_option
@pass_session
def show(
    session: Session,
    query: str,
    with_files: bool,
    with_references: bool,
    template: Template | None,
    as_json: bool,
) -> None:
    """Show packages, their files, and what refers to them."""
    found = session.run(
        operations.show, query, with_files=with_files, with_references=with_references
    )
    if as_json:
        print_json([_plain(shown) for shown in found])
        return
    if not found:
        raise NotFound(f"no package matches {query[:80]}")
    for shown in found:
        if template is not None:
            click.echo(template.render(described(shown.package)))
        else:
            _print(shown)


@package.command()
@click.argument("query", type=QueryText())
@pass_session
def changelog(session: Session, query: str) -> None:
    """Print the changelog of a package.

    Of several packages that match QUERY, the newest version counts.
    """
    click.echo(session.run(browsing_operations.changelog, query), nl=False)


@package.command()
@click.argument("query", type=QueryText())
@pass_session
def paths(session: Session, query: str) -> None:
    """List the paths of a package.

    Of several packages that match QUERY, the newest version counts.
    """
    for path in session.run(browsing_operations.paths, query):
        click.echo(path)


@package.command()
@click.argument("name")
@json_option
@pass_session
def dependents(session: Session, name: str, as_json: bool) -> None:
    """List the packages that name a package in a dependency field.

    Of each name, the newest version counts that does.
    """
    found = session.run(browsing_operations.dependents, name, size=0).dependents
    if as_json:
        print_json([{**one._asdict(), "key": str(one.key)} for one in found])
        return
    for one in found:
        click.echo(f"{one.key.display}  {one.field}: {one.relation}")


@package.command()
@click.argument("targets", metavar="FILE|DIR|LIST...", nargs=-1, required=True)
@json_option
@pass_session
def lint(session: Session, targets: tuple[str, ...], as_json: bool) -> None:
    """Say what would keep packages out, and what is odd about them.

    Nothing is changed. FILE is a .deb, .udeb, .ddeb or .dsc file, DIR a directory to search for
    them, LIST a package list: repo:NAME or snapshot:NAME.
    """
    named = [target for target in targets if _LIST.match(target) and not os.path.lexists(target)]
    paths = [Path(target) for target in targets if target not in named]
    found = list(session.run(operations.lint, paths, lists=named))
    refused = sum(one.refused for one in found)
    if as_json:
        print_json([_as_json(one) for one in found])
    else:
        for one in found:
            for finding in one.findings:
                click.echo(f"{_label(finding):10} {one.package}: {finding.text}")
        odd = sum(bool(one.findings) for one in found) - refused
        session.progress.note(
            f"{counted(len(found), 'package')}: {refused} would be refused, {odd} with remarks."
        )
    if refused:
        raise DebrepoError(f"{refused} of {counted(len(found), 'package')} would be refused")


_LIST = re.compile(r"[a-z]+:[^/]")


def _label(finding: LintFinding) -> str:
    """Return what the policy makes of a finding, or that there is no choice."""
    if finding.level == "unreadable":
        return "unreadable"
    return "refused" if finding.refused else "remark"


def _as_json(linted: Linted) -> dict[str, object]:
    return linted._asdict() | {"findings": [finding._asdict() for finding in linted.findings]}


def _print(shown: ShownPackage) -> None:
    package, files, references = shown
    click.echo(package.stanza.decode())
    if package.kind != "source":
        file = package.files[0]
        click.echo(f"Filename: {file.name}\nSize: {file.size}\nSHA256: {file.sha256}")
    click.echo(f"Key: {package.key}")
    for file, path in zip(package.files, files, strict=False):
        click.echo(f"  file: {file.name}  {path}")
    for reference in references:
        click.echo(f"  in {reference}")
    click.echo()


def _plain(shown: ShownPackage) -> dict[str, object]:
    package, files, references = shown
    return {
        "key": str(package.key),
        "kind": package.kind,
        "fields": package.fields(),
        "files": [file._asdict() for file in package.files],
        "pool": [str(path) for path in files],
        "references": references,
    }
