"""``debrepo serve``, ``debrepo api`` and ``debrepo token``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debrepo.cli import pass_session
from debrepo.cli.completion import Name
from debrepo.cli.output import json_option, print_json, print_table
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
    required=True,
    help="Scope: read, admin, repo:web:add, publish:prod:*; can be repeated.",
)
@click.option("--days", type=int, help="Days until it expires.  [default: never]")
@pass_session
def create(session: Session, name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Create a token and print it. It cannot be shown again."""
    click.echo(session.run(operations.create_token, name, scopes=scopes, days=days))


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
