"""Operations: run the server, manage its tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from debrepo import lists
from debrepo.errors import InvalidInput
from debrepo_server import tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debrepo.session import Session
    from debrepo_server.scopes import ScopeVerdict
    from debrepo_server.tokens import Token


class ShownToken(NamedTuple):
    """A token, and what it may do."""

    token: Token
    operations: tuple[str, ...]


def serve(
    session: Session, *, listen: str = "", insecure: bool = False, require_token: bool = False
) -> None:
    """Serve HTTP until SIGTERM or SIGINT.

    ``listen`` is ``HOST:PORT`` or ``unix:PATH``; empty means the configuration's.
    """
    from debrepo_server.serving import run

    run(session, listen, insecure=insecure, require_token=require_token)


def create_token(
    session: Session,
    name: str,
    *,
    scopes: Sequence[str] = (),
    role: str = "",
    repos: Sequence[str] = (),
    places: Sequence[str] = (),
    days: int | None = None,
) -> str:
    """Create a token and return it; it can never be shown again.

    ``role``, of `debrepo_server.scopes.ROLES`, stands for scopes on ``repos`` and ``places``.
    """
    from debrepo_server import scopes as granting

    name = lists.check_name(name)
    wanted = granting.check(session, scopes)
    if role:
        spelled = [session.spelled("place", place) for place in places]
        wanted += granting.check(session, granting.of_role(name, role, repos, spelled))
    elif repos or places:
        raise InvalidInput(
            "repositories and places are those of a role",
            hint=f"add --role, one of: {', '.join(granting.ROLES)}",
        )
    if not wanted:
        raise InvalidInput(
            "a token needs a role, or at least one scope",
            hint='run "debrepo token create --help"',
        )
    if days is not None and not 0 < days < 36525:
        raise InvalidInput(f"{days} is not a number of days from 1 to 36524")
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    with session.db.write() as txn:
        secret = tokens.create(
            txn,
            name,
            tuple(dict.fromkeys(wanted)),
            expires.isoformat(timespec="seconds") if expires else "",
        )
    for warning in granting.absent(session, wanted):  # they may come later
        session.progress.note(warning)
    return secret


def list_tokens(session: Session) -> list[Token]:
    """Return all tokens, sorted by name."""
    with session.db.read() as txn:
        return list(txn[tokens.TOKENS].values())


def revoke_token(session: Session, name: str) -> None:
    """Revoke a token: it is refused from now on."""
    with session.db.write() as txn:
        tokens.revoke(txn, name)


def show_token(session: Session, name: str) -> ShownToken:
    """Return a token, and the operations that it may call, with some arguments at least."""
    from debrepo_server import scopes

    with session.db.read() as txn:
        token = tokens.get(txn, name)
    return ShownToken(token, tuple(scopes.operations(session, token.caller())))


def can(
    session: Session, token: str, operation: str, arguments: Mapping[str, str] | None = None
) -> ScopeVerdict:
    """Tell whether a token may call an operation, such as ``repo.add`` with ``{"name": "web"}``.

    The argument ``upload`` stands for the directory of the files that a call takes.
    """
    from debrepo_server import scopes

    with session.db.read() as txn:
        found = tokens.get(txn, token)
    return scopes.verdict(session, found.caller(), operation, arguments or {})
