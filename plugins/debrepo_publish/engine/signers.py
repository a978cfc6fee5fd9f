"""Signers: who signs a publication, and whether what is live is signed by them.

What is live says itself who has signed it, and when; the database has nothing on it that could
differ.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from debrepo import clock
from debrepo.errors import AmbiguousKey, SigningFailed
from debrepo.signing import made_signatures, signing_keys, trusted_keys
from debrepo.values import NamedTuple
from debrepo_publish.model.publication import generation_key
from debrepo_publish.model.tables import COMMITS, PUBLICATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo.signing import KeyRotation, MadeSignature, SigningKey
    from debrepo_publish.engine.plan import Plan
    from debrepo_publish.model.publication import Publication


def resolve(session: Session, publication: Publication) -> list[SigningKey]:
    """Return the keys that sign a publication: its own, the configured ones or the only one.

    Where nobody has chosen and another key has come since, those that sign it go on.
    """
    if publication.skip_signing or publication.verbatim:
        return []
    chosen = _chosen(session, publication)
    return signing_keys(chosen, rotations(session), session.signer.resolve)


def trusted(session: Session, keys: Sequence[SigningKey]) -> list[SigningKey]:
    """Return the keys that clients have to trust while these sign."""
    return trusted_keys(keys, rotations(session), session.signer.resolve)


def rotations(session: Session) -> list[KeyRotation]:
    """Return which keys take the place of others."""
    with session.db.read() as txn:
        found = session.hook.debrepo_key_rotations(txn=txn)
    return [one for batch in found for one in batch]


def _chosen(session: Session, publication: Publication) -> list[SigningKey]:
    try:
        return session.signer.resolve(publication.keys)
    except AmbiguousKey:
        with session.db.read() as txn:
            made = made_signatures(_commit(txn, publication, publication.live))
        if made:
            with suppress(SigningFailed):  # the choice is what is missing then
                return session.signer.resolve([one.fingerprint for one in made])
        raise


class SignedBy(NamedTuple):
    """A key that has signed what clients see."""

    fingerprint: str  #: of the key or subkey that made the signature
    expires: str = ""  #: ISO 8601, UTC; empty if the key does not expire, or is not here

    def __str__(self) -> str:
        return f"{self.fingerprint}{f' until {self.expires[:10]}' if self.expires else ''}"


def signed_by(session: Session, publication: Publication) -> tuple[SignedBy, ...]:
    """Return the keys that have signed the live generation."""
    return signed_by_each(session, [publication])[publication.key]


def signed_by_each(
    session: Session, known: Sequence[Publication]
) -> dict[str, tuple[SignedBy, ...]]:
    """Return the keys that have signed what is live, by the key of each publication."""
    with session.db.read() as txn:
        made = {
            one.key: []
            if one.skip_signing
            else [made.fingerprint for made in made_signatures(_commit(txn, one, one.live))]
            for one in known
        }
    names = {name for found in made.values() for name in found}
    expiry = {name: _expiry(session, name) for name in names}  # each asks GnuPG
    return {
        key: tuple(SignedBy(name, expiry[name]) for name in found) for key, found in made.items()
    }


def _expiry(session: Session, fingerprint: str) -> str:
    with suppress(SigningFailed):  # the key is not here any more, or expired
        (key,) = session.signer.resolve([fingerprint])
        return key.expires.isoformat() if key.expires else ""
    return ""


def name(publication: Publication) -> str:
    """Return the name of a publication among all that is signed."""
    return f"publication:{publication}"


def live_signatures(txn: Transaction) -> dict[str, list[MadeSignature]]:
    """Return the signatures of everything that is live, by `name`."""
    return {
        name(publication): made_signatures(_commit(txn, publication, publication.live))
        for publication in txn[PUBLICATIONS].values()
        if publication.live and not (publication.skip_signing or publication.verbatim)
    }


def _commit(txn: Transaction, publication: Publication, number: int) -> bytes:
    return txn[COMMITS].get(generation_key(publication.key, number).encode(), b"")


def outdated(session: Session, keys: Sequence[SigningKey], plan: Plan) -> bool:
    """Return whether the live generation of a plan has to be signed again."""
    if not keys or plan.previous is None:
        return False
    with session.db.read() as txn:
        live = _commit(txn, plan.publication, plan.previous.number)
    return bool(differences(live, [as_of_now(key) for key in keys]))


def as_of_now(key: SigningKey) -> SigningKey:
    """Return the key without a renewal in the future, which no signature of today can follow."""
    now = max(clock.seconds(), int(time.time()))
    if key.renewed is None or key.renewed.timestamp() <= now:
        return key
    return key._replace(renewed=None)


def differences(signed: bytes, keys: Sequence[SigningKey]) -> list[str]:
    """Return how what is signed differs from what these keys would sign today."""
    made = made_signatures(signed)
    others = [one.fingerprint for one in made if not any(one.is_by(key) for key in keys)]
    missing = [key.signs_as for key in keys if not any(one.is_by(key) for one in made)]
    texts = [f"is signed by {found}, which does not sign it any more" for found in others]
    texts += [f"is not signed by {found}, which signs it from now on" for found in missing]
    for key in keys:
        if any(one.is_by(key) and _is_older(one, key) for one in made):
            texts.append(
                f"is signed before the newest self-signature of {key.signs_as}, made on "
                f"{key.renewed:%Y-%m-%d %H:%M:%S} UTC: Sequoia (apt 3, sqv) refuses it"
            )
    return texts


def _is_older(made: MadeSignature, key: SigningKey) -> bool:
    return key.renewed is not None and made.created < int(key.renewed.timestamp())
