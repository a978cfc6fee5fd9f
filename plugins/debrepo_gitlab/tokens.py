"""Tokens of users, with the permissions of their roles, and of deployments and jobs."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.database import json_table
from debrepo.errors import AlreadyExists, InvalidInput, NotFound
from debrepo.permissions import Caller
from debrepo_gitlab import containers
from debrepo_gitlab.containers import CONTAINERS, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.database import Transaction

KINDS = ("personal", "deploy", "job")
_READING = ("see", "read")


class ProjectToken(NamedTuple):
    """The owner of a token and its permissions."""

    name: str
    kind: str
    owner: str  #: a user; of a deploy or job token ``project:5`` or ``group:3``
    read: bool
    write: bool
    digest: str  #: SHA-256; the token has more entropy than anybody could try
    created: str
    expires: str = ""  #: ISO 8601, UTC; empty: never


def _load(fields: dict[str, Any]) -> ProjectToken:
    return ProjectToken(**fields)


TOKENS = json_table("gitlab.tokens", load=_load, dump=ProjectToken._asdict, record=ProjectToken)
#: The name of a token by its digest.
DIGESTS = json_table(
    "gitlab.digests", load=lambda f: str(f["name"]), dump=lambda n: {"name": n}, record=str
)


def add(txn: Transaction, token: ProjectToken) -> str:
    """Store a new token and return its secret, which is not stored."""
    if token.name in txn[TOKENS]:
        raise AlreadyExists(f"token {token.name} exists already", hint="revoke it first")
    if token.kind not in KINDS:
        raise InvalidInput(
            f"no kind of token called {token.kind!r}", hint=f"there are: {', '.join(KINDS)}"
        )
    secret = f"debrepo-{token.kind}-{secrets.token_urlsafe(32)}"
    stored = token._replace(digest=_digest(secret))
    txn[TOKENS][stored.name] = stored
    txn[DIGESTS][stored.digest] = stored.name
    txn.note(f"token:{stored.name}", "", f"{stored.kind} {stored.owner}")
    return secret


def revoke(txn: Transaction, name: str) -> None:
    """Delete a token."""
    token = txn[TOKENS].get(name)
    if token is None:
        raise NotFound(f"no token called {name}", hint='run "debrepo project token list"')
    del txn[TOKENS][name]
    txn[DIGESTS].discard(token.digest)
    txn.note(f"token:{name}", f"{token.kind} {token.owner}", "")


def revoke_all(txn: Transaction, owner: str) -> None:
    """Delete the tokens of a project or group."""
    for token in list(txn[TOKENS].values()):
        if token.kind != "personal" and token.owner == owner:
            revoke(txn, token.name)


def identify(txn: Transaction, secret: str) -> Caller | None:
    """Return the owner of a token and its present scopes; ``None`` if there are none."""
    name = txn[DIGESTS].get(_digest(secret))
    token = txn[TOKENS].get(name) if name is not None else None
    if token is None or _expired(token):
        return None
    if token.kind == "personal":
        return Caller(f"user:{token.owner}", tuple(_of_user(txn, token)), identity=token.digest)
    where = txn[CONTAINERS].get(token.owner)
    if where is None:
        return None
    allowed = {"see", *(("read",) if token.read else ()), *(("write",) if token.write else ())}
    actions = tuple(action for action in ROLES["developer"] if action in allowed)
    return Caller(
        f"{token.kind}:{token.name}",
        tuple(containers.grants(where, actions)),
        identity=token.digest,
    )


def _of_user(txn: Transaction, token: ProjectToken) -> Iterator[str]:
    for where, role in containers.memberships(txn, token.owner):
        actions = ROLES[role] if token.write else tuple(a for a in ROLES[role] if a in _READING)
        yield from containers.grants(where, actions)


def _expired(token: ProjectToken) -> bool:
    return bool(token.expires) and datetime.now(UTC) >= datetime.fromisoformat(token.expires)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
