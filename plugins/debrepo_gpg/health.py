"""Health: the keys that sign what clients see, and those that are configured to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from debrepo.errors import Cancelled, DebrepoError
from debrepo.health import Checkup, Concern
from debrepo_gpg import operations, policy
from debrepo_gpg.keys import choose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debrepo.session import Session
    from debrepo_gpg.keys import Key


def checkups(session: Session) -> Iterator[Checkup]:
    """Yield how each key is that signs something live, and each that is configured."""
    if session.config["signing.signer"] != "gpg":
        return
    with session.db.read() as txn:
        batches = session.hook.debrepo_signatures(txn=txn)
    made = {one.fingerprint for batch in batches for many in batch.values() for one in many}
    wanted = dict.fromkeys((*session.config["signing.gpg.keys"], *sorted(made)))
    found: dict[str, Key] = {}
    try:
        there = operations.opened(session).secret_keys() if wanted else []
    except DebrepoError as error:
        yield Checkup("key", "all", (_failure(error),))
        return
    for name in wanted:
        try:
            (key,) = choose(there, [name])
        except DebrepoError as error:
            yield Checkup("key", name, (_failure(error),))
        else:
            found[key.key.fingerprint] = key
    for fingerprint, key in found.items():
        yield Checkup("key", fingerprint, tuple(_concerns(session, key)))


def _concerns(session: Session, key: Key) -> Iterator[Concern]:
    fingerprint = key.key.fingerprint
    soon = policy.of_expiry(key, datetime.now(UTC))
    try:
        (checked,) = operations.check(session, fingerprint)
    except Cancelled:
        raise
    except DebrepoError as error:
        yield _failure(error)
        return
    for text in checked.problems:
        if text in soon:
            text, _, hint = text.partition(": renew it: ")
            yield Concern("warning", text, hint)
        else:
            yield Concern("error", text)


def _failure(error: DebrepoError) -> Concern:
    return Concern("error", str(error), error.hint)
