"""Rotations in the database, and the signatures that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput, NotFound, SigningFailed
from debrepo.signing import KeyRotation
from debrepo_keyring.rotation import Rotation, signed_by
from debrepo_keyring.tables import ROTATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.database import Transaction
    from debrepo.session import Session
    from debrepo.signing import MadeSignature

_START = 'run "debrepo key rotate start OLD NEW"'


def all_(txn: Transaction) -> list[Rotation]:
    """Return every rotation, the oldest first."""
    return sorted(txn[ROTATIONS].values(), key=lambda one: one.started)


def key_rotations(txn: Transaction) -> list[KeyRotation]:
    """Return every rotation as signers know it."""
    return [KeyRotation(one.old, one.new, one.stage) for one in all_(txn)]


def get(txn: Transaction, old: str) -> Rotation:
    """Return the rotation of a key, or the only one that is under way if no key is named."""
    known = all_(txn)
    if old:
        found = [one for one in known if one.old.endswith(old.upper().replace(" ", ""))]
    else:
        found = [one for one in known if one.following or not one.reached]
    if len(found) == 1:
        return found[0]
    if found:
        keys = ", ".join(one.old for one in found)
        raise InvalidInput(f"several keys are being rotated: {keys}", hint="name one of them")
    if old:
        raise NotFound(f"no key {old[:80]} is being rotated", hint='run "debrepo key rotate show"')
    raise NotFound("no key is being rotated", hint=_START)


def begin(txn: Transaction, rotation: Rotation) -> Rotation:
    """Store a new rotation, and return it; one that has begun already goes on."""
    for one in txn[ROTATIONS].values():
        if (one.old, one.new) == (rotation.old, rotation.new):
            return one
        if one.old in (rotation.old, rotation.new) or (
            one.new in (rotation.old, rotation.new) and one.stage != "retired"
        ):
            raise InvalidInput(
                f"{one.old} is being replaced by {one.new} already: it is {one.stage}",
                hint='run "debrepo key rotate show"',
            )
    txn[ROTATIONS][rotation.old] = rotation
    return rotation


def affected(session: Session, rotation: Rotation) -> frozenset[str]:
    """Return the names of everything that one of both keys has signed, as clients see it."""
    with session.db.read() as txn:
        batches = session.hook.debrepo_signatures(txn=txn)
    ours = _fingerprints(session, rotation)
    return frozenset(
        name
        for batch in batches
        for name, made in batch.items()
        if any(_is_of(one, ours) for one in made)
    )


def _fingerprints(session: Session, rotation: Rotation) -> set[str]:
    """Return the fingerprints that signatures of both keys carry."""
    found = {rotation.old, rotation.new}
    for name in (rotation.old, rotation.new):
        try:
            found.update(key.signs_as for key in session.signer.resolve([name]))
        except SigningFailed:  # it has expired, or is gone
            continue
    return found


def _is_of(made: MadeSignature, fingerprints: set[str]) -> bool:
    return bool(made.fingerprint) and any(one.endswith(made.fingerprint) for one in fingerprints)


def release_fields(session: Session, publication: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Return Signed-By where a Release file names a key that is rotated, or is to name it."""
    with session.db.read() as txn:
        known = all_(txn)
    before = found = fields.get("Signed-By", "")
    for rotation in known:
        if rotation.signed_by and rotation.stage != "retired" and not found:
            names = affected(session, rotation)
            found = rotation.old if f"publication:{publication}" in names else ""
        found = signed_by(rotation, found)
    return {} if found == before else {"Signed-By": found}


def longest_validity(session: Session, names: frozenset[str]) -> int:
    """Return for how many seconds clients accept what they have, at most."""
    wait = session.config.seconds("keyring.wait")
    known = session.call("publish.list") if "publish.list" in session.operations else []
    return max([wait, *(one.valid_for for one in known if f"publication:{one}" in names)])
