"""Operations: run the server, manage its tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from debrepo import lists
from debrepo.errors import InvalidInput
from debrepo_server import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.session import Session
    from debrepo_server.tokens import Token


def serve(
    session: Session, *, listen: str = "", insecure: bool = False, require_token: bool = False
) -> None:
    """Serve HTTP until SIGTERM or SIGINT.

    ``listen`` is ``HOST:PORT`` or ``unix:PATH``; empty means the configuration's.
    """
    from debrepo_server.serving import run

    run(session, listen, insecure=insecure, require_token=require_token)


def create_token(
    session: Session, name: str, *, scopes: Sequence[str], days: int | None = None
) -> str:
    """Create a token and return it; it can never be shown again."""
    from debrepo.permissions import check_scope

    if not scopes:
        raise InvalidInput(
            "a token needs at least one scope", hint='run "debrepo token create --help"'
        )
    if days is not None and not 0 < days < 36525:
        raise InvalidInput(f"{days} is not a number of days from 1 to 36524")
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    with session.db.write() as txn:
        return tokens.create(
            txn,
            lists.check_name(name),
            tuple(map(check_scope, scopes)),
            expires.isoformat(timespec="seconds") if expires else "",
        )


def list_tokens(session: Session) -> list[Token]:
    """Return all tokens, sorted by name."""
    with session.db.read() as txn:
        return list(txn[tokens.TOKENS].values())


def revoke_token(session: Session, name: str) -> None:
    """Revoke a token: it is refused from now on."""
    with session.db.write() as txn:
        tokens.revoke(txn, name)
