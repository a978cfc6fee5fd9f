"""Health: tokens that are about to expire, or grant what nothing needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from debrepo.health import Checkup, Concern
from debrepo_server import scopes
from debrepo_server.tokens import TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debrepo.session import Session
    from debrepo_server.tokens import Token

_SOON = timedelta(days=7)


def checkups(session: Session) -> Iterator[Checkup]:
    """Yield how each token is."""
    with session.db.read() as txn:
        tokens = list(txn[TOKENS].values())
    there = scopes.known(session) if tokens else []
    for token in tokens:
        yield Checkup("token", token.name, tuple(_concerns(token, there)))


def _concerns(token: Token, there: Sequence[str]) -> Iterator[Concern]:
    now = datetime.now(UTC)
    hint = f'run "debrepo token revoke {token.name}", and create it again'
    if not token.is_valid(now):
        yield Concern("warning", f"expired on {token.expires}", hint)
    elif not token.is_valid(now + _SOON):
        yield Concern("warning", f"expires on {token.expires}", hint)
    for scope in token.scopes:
        if not scopes.is_needed(scope, there):
            yield Concern("warning", f"nothing needs its scope {scope}", hint)
