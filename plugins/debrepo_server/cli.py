"""``debrepo serve``, ``debrepo api`` and ``debrepo token``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import Name
from debrepo.cli.output import json_option, print_fields, print_json, print_table
from debrepo.errors import InvalidInput, NotAllowed
from debrepo_server import operations

if TYPE_CHECKING:
    from debrepo.session import Session

TOKEN = Name(lambda session, _: (token.name for token in operations.list_tokens(session)))


@click.command()
@click.option("--listen", default="", help="HOST:PORT, :PORT or unix:PATH.")
@click.option("--require-token", is_flag=True, help="Require a token from local clients, too.")
@click.option("--insecure", is_flag=True, help="Require no token from any client.")
@click.option(
    "--no-lock",
    is_flag=True,
    expose_value=False,
    help="Accepted for aptly compatibility; no effect.",
)
@pass_session
def serve(session: Session, listen: str, require_token: bool, insecure: bool) -> None:
    """Serve the API and the published trees.

    On a loopback address or a Unix socket, clients need no token unless --require-token is
    given. On any other address, they always need one.
    """
    session.run(operations.serve, listen=listen, insecure=insecure, require_token=require_token)


@click.group()
def api() -> None:
    """Serve the API with "api serve", as in aptly."""


api.add_command(serve)


@click.group()
def token() -> None:
    """Manage the tokens of the server's users."""


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="Scope: read, admin, repo:web:add, publish:prod:*; can be repeated.",
)
@click.option(
    "--role",
    type=click.Choice(["admin", "ci", "maintainer", "reader"]),
    help="Scopes for what people and jobs do.",
)
@click.option(
    "--repo", "repos", multiple=True, help="Repository that the role is for; can be repeated."
)
@click.option(
    "--publish",
    "places",
    metavar="[STORAGE:]PREFIX",
    multiple=True,
    help="Place whose publications the role is for; can be repeated.",
)
@click.option("--days", type=int, help="Days until it expires.  [default: never]")
@pass_session
def create(
    session: Session,
    name: str,
    scopes: tuple[str, ...],
    role: str | None,
    repos: tuple[str, ...],
    places: tuple[str, ...],
    days: int | None,
) -> None:
    """Create a token and print it. It cannot be shown again.

    The role "ci" adds packages to repositories and updates publications, "maintainer" does all with
    them, "reader" reads and downloads everything, and "admin" may do anything. Jobs upload below a
    directory whose name begins with that of their token.
    """
    made = session.run(
        operations.create_token,
        name,
        scopes=scopes,
        role=role or "",
        repos=repos,
        places=places,
        days=days,
    )
    click.echo(made)


@token.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the tokens."""
    found = session.run(operations.list_tokens)
    if as_json:
        print_json([{k: v for k, v in one._asdict().items() if k != "digest"} for one in found])
    elif found:
        print_table((one.name, " ".join(one.scopes), one.expires or "never") for one in found)


@token.command()
@click.argument("name", type=TOKEN)
@pass_session
def revoke(session: Session, name: str) -> None:
    """Revoke a token."""
    session.run(operations.revoke_token, name)
    click.echo(f"Revoked token {name}.")


@token.command()
@click.argument("name", type=TOKEN)
@json_option
@pass_session
def show(session: Session, name: str, as_json: bool) -> None:
    """Show a token, and what it may do."""
    found, allowed = session.run(operations.show_token, name)
    if as_json:
        fields = {key: value for key, value in found._asdict().items() if key != "digest"}
        print_json({**fields, "operations": allowed})
        return
    print_fields({
        "Name": found.name,
        "Created": found.created,
        "Expires": found.expires or "never",
        "Scopes": found.scopes,
        "Operations": allowed,
    })  # fmt: skip


@token.command()
@click.argument("name", type=TOKEN)
@click.argument("operation")
@click.argument("arguments", metavar="[NAME=VALUE]...", nargs=-1)
@json_option
@pass_session
def can(
    session: Session, name: str, operation: str, arguments: tuple[str, ...], as_json: bool
) -> None:
    """Tell whether a token may call an operation, such as repo.add name=web upload=ci-42.

    If not, the exit code is 12.
    """
    given = dict(_pair(text) for text in arguments)
    verdict = session.run(operations.can, name, operation, given)
    if as_json:
        print_json({"allowed": verdict.allowed, "scopes": dict(verdict.granted)})
    else:
        for scope, grant in verdict.granted:
            click.echo(f"{scope}: {f'granted by {grant}' if grant else 'not granted'}")
    if not verdict.allowed:
        raise NotAllowed(f"token {name} may not call {operation}")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(f"not an argument: {text[:80]!r}", hint="write it as name=web")
    return name, value
