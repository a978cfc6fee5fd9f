"""Tokens: who may do what, stored as hashes."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.database import json_table
from debrepo.errors import AlreadyExists, NotFound
from debrepo.permissions import Caller

if TYPE_CHECKING:
    from debrepo.database import Transaction


class Token(NamedTuple):
    """A token: its scopes, and when it expires."""

    name: str
    scopes: tuple[str, ...]
    digest: str  #: SHA-256; no salt needed, as the token is random
    created: str
    expires: str = ""  #: ISO 8601, UTC; empty: never

    def is_valid(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return not self.expires or now < datetime.fromisoformat(self.expires)

    def caller(self) -> Caller:
        """Return who sends it, as permissions see them."""
        return Caller(f"token:{self.name}", self.scopes, identity=self.digest)


def _load(fields: dict[str, Any]) -> Token:
    return Token(**{**fields, "scopes": tuple(fields["scopes"])})


TOKENS = json_table("server.tokens", load=_load, dump=Token._asdict, record=Token)

#: The name of a token by its digest.
DIGESTS = json_table(
    "server.digests", load=lambda f: str(f["name"]), dump=lambda n: {"name": n}, record=str
)


def digest(secret: str) -> str:
    """Return the digest that is stored instead of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create(txn: Transaction, name: str, scopes: tuple[str, ...], expires: str) -> str:
    """Store a new token, and return its secret, which is not stored."""
    if name in txn[TOKENS]:
        raise AlreadyExists(
            f"token {name} exists already", hint=f'run "debrepo token revoke {name}"'
        )
    secret = f"debrepo-{secrets.token_urlsafe(32)}"
    created = datetime.now(UTC).isoformat(timespec="seconds")
    txn[TOKENS][name] = Token(name, scopes, digest(secret), created, expires)
    txn[DIGESTS][digest(secret)] = name
    txn.note(f"token:{name}", "", " ".join(scopes))
    return secret


def find(txn: Transaction, secret: str) -> Token | None:
    """Return the token that a secret belongs to, unless it has expired."""
    name = txn[DIGESTS].get(digest(secret))
    token = txn[TOKENS].get(name) if name is not None else None
    return token if token and token.is_valid(datetime.now(UTC)) else None


def get(txn: Transaction, name: str) -> Token:
    """Return the token of that name."""
    token = txn[TOKENS].get(name)
    if token is None:
        raise NotFound(f"no token called {name}", hint='run "debrepo token list"')
    return token


def revoke(txn: Transaction, name: str) -> None:
    """Revoke a token."""
    token = get(txn, name)
    del txn[TOKENS][name]
    txn[DIGESTS].discard(token.digest)
    txn.note(f"token:{name}", " ".join(token.scopes), "")
