"""What can be done with the keyrings of clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo import clock
from debrepo.errors import InUse, InvalidInput, SigningFailed
from debrepo_keyring import packages, rotations
from debrepo_keyring.rotation import NEEDS, Rotation
from debrepo_keyring.tables import ROTATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from debrepo.session import Session
    from debrepo_keyring.packages import KeyringPackage

_FULL = 40  # digits of a fingerprint


class RotationStatus(NamedTuple):
    """How far a rotation is, and what comes next."""

    old: str
    new: str
    stage: str
    begun: dict[str, int]  #: when each stage began, in seconds since the epoch
    reached: int  #: when everything was signed as the stage says; 0: not yet
    following: str  #: the next stage, if there is one
    possible: int  #: from when on it can begin; 0: once this stage is reached
    needs: str  #: what has to be true of clients by then
    signed: list[str]  #: what was signed again just now, as ``kind:name``
    failed: dict[str, str]  #: what was not signed again, and why


def rotate_start(
    session: Session, old: str, new: str, *, signed_by: bool = False
) -> RotationStatus:
    """Announce a key that is to take the place of another, wherever that signs.

    Both are named as for ``signing.gpg.keys``. With ``signed_by``, Release files name both keys
    in Signed-By, also where they have had no such field.
    """
    going, coming = _fingerprint(session, old), _resolved(session, new)
    if going == coming:
        raise InvalidInput(f"{coming} cannot take its own place", hint='run "debrepo key create"')
    with _alone(session):
        first = Rotation(going, coming, "announced", {"announced": clock.now()})
        with session.db.write() as txn:
            rotation = rotations.begin(txn, first._replace(signed_by=signed_by))
        return _reach(session, rotation)


def rotate_next(session: Session, old: str = "", *, yes_really: bool = False) -> RotationStatus:
    """Begin the next stage of a rotation, or complete the one that was interrupted.

    A stage lasts at least as long as ``keyring.wait``, and as long as clients accept a Release
    file; ``yes_really`` shortens it.
    """
    with _alone(session):
        with session.db.read() as txn:
            rotation = rotations.get(txn, old)
        if not rotation.reached:
            return _reach(session, rotation)
        status = _status(session, rotation)
        if not rotation.following:
            raise InvalidInput(f"{rotation.old} is retired", hint='run "debrepo key rotate show"')
        if clock.now() < status.possible and not yes_really:
            day = f"{clock.moment(status.possible):%Y-%m-%d %H:%M}"
            raise InUse(
                f"{rotation.new} cannot be {rotation.following} before {day} UTC: {status.needs}",
                hint="wait until then, or insist with --yes-really",
            )
        begun = rotation.at(rotation.following, clock.now())
        with session.db.write() as txn:
            txn[ROTATIONS][rotation.old] = begun
        return _reach(session, begun)


def rotate_cancel(session: Session, old: str = "") -> RotationStatus:
    """Cancel a rotation: the old key signs again, alone."""
    with _alone(session):
        with session.db.read() as txn:
            rotation = rotations.get(txn, old)
        if rotation.stage == "retired":
            raise InvalidInput(
                f"{rotation.old} is retired: clients may not have it any more",
                hint=f'run "debrepo key rotate start {rotation.new} NEW" to replace the other one',
            )
        _resolved(session, rotation.old)
        names = rotations.affected(session, rotation)
        with session.db.write() as txn:
            txn[ROTATIONS].pop(rotation.old, None)
        done = _sign(session, names)
        return _status(session, rotation, done)._replace(stage="cancelled", following="", needs="")


def rotate_show(session: Session) -> list[RotationStatus]:
    """Return every rotation, those that are over too."""
    with session.db.read() as txn:
        known = rotations.all_(txn)
    return [_status(session, one) for one in known]


def package(
    session: Session, repo: str = "", name: str = "", *, keys: Sequence[str] = ()
) -> KeyringPackage:
    """Build a package with the public keys, add it to a repository, and publish that.

    It is called ``NAME-archive-keyring``. Nothing happens while the newest one there has the
    same content. Without ``keys``, those that clients have to trust are in it.
    """
    repo, name = repo or session.config["keyring.repo"], name or session.config["keyring.name"]
    if not repo or not name:
        raise InvalidInput(
            "the package needs a name and a repository",
            hint="set keyring.name and keyring.repo, or give both",
        )
    return packages.add(session, repo, name, keys)


def _alone(session: Session) -> AbstractContextManager[object]:
    return session.leases.hold("key rotate")


def _reach(session: Session, rotation: Rotation) -> RotationStatus:
    """Sign everything as the stage says, have the package of the keyring follow, and record it."""
    names = rotations.affected(session, rotation)
    done = _sign(session, names)
    if not any(done.values()):
        if session.config["keyring.repo"]:
            package(session)
        with session.db.write() as txn:
            rotation = txn[ROTATIONS][rotation.old]._replace(reached=clock.now())
            txn[ROTATIONS][rotation.old] = rotation
    return _status(session, rotation, done)


def _sign(session: Session, names: frozenset[str]) -> dict[str, str]:
    answers = session.hook.debrepo_sign_again(session=session, names=names)
    return {name: why for answer in answers for name, why in answer.items()}


def _status(
    session: Session, rotation: Rotation, done: dict[str, str] | None = None
) -> RotationStatus:
    names = rotations.affected(session, rotation)
    possible = 0
    if rotation.following and rotation.reached:
        possible = rotation.reached + rotations.longest_validity(session, names)
    done = done or {}
    return RotationStatus(
        rotation.old,
        rotation.new,
        rotation.stage,
        rotation.begun,
        rotation.reached,
        rotation.following,
        possible,
        NEEDS.get(rotation.stage, ""),
        sorted(name for name, why in done.items() if not why),
        {name: why for name, why in sorted(done.items()) if why},
    )


def _resolved(session: Session, name: str) -> str:
    (key,) = session.signer.resolve([name])
    return key.fingerprint


def _fingerprint(session: Session, name: str) -> str:
    """Return the fingerprint of a key, which need not be able to sign any more."""
    try:
        return _resolved(session, name)
    except SigningFailed:
        plain = name.replace(" ", "").upper().removeprefix("0X")
        if len(plain) == _FULL and all(digit in "0123456789ABCDEF" for digit in plain):
            return plain
        raise
