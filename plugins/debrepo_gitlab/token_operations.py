"""What can be done with the tokens of users, deployments and jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from debrepo import lists
from debrepo.errors import InvalidInput
from debrepo_gitlab import containers, tokens
from debrepo_gitlab.tokens import TOKENS, Token

if TYPE_CHECKING:
    from debrepo.session import Session


def create_token(
    session: Session,
    name: str,
    *,
    kind: str = "personal",
    owner: str,
    read: bool = True,
    write: bool = True,
    days: int | None = None,
) -> str:
    """Create a token and return it; it cannot be shown again.

    A personal token's ``owner`` is a user; that of a deploy or job token is a project, or a
    group as ``group:PATH``.
    """
    if days is not None and not 0 < days < 36525:
        raise InvalidInput(f"a token cannot expire in {days} days")
    if not (read or write):
        raise InvalidInput("a token must allow reading or writing")
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    until = expires.isoformat(timespec="seconds") if expires else ""
    with session.db.write() as txn:
        if kind == "personal":
            containers.check_user(owner)
        else:
            owner = containers.get(txn, owner).key
        new = Token(
            lists.check_name(name),
            kind,
            owner,
            read,
            write,
            "",
            datetime.now(UTC).isoformat(timespec="seconds"),
            until,
        )
        return tokens.add(txn, new)


def list_tokens(session: Session) -> list[Token]:
    """Return all tokens of users, deployments and jobs, sorted by name."""
    with session.db.read() as txn:
        return list(txn[TOKENS].values())


def revoke_token(session: Session, name: str) -> None:
    """Revoke a token."""
    with session.db.write() as txn:
        tokens.revoke(txn, name)
