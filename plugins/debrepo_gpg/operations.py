"""What can be done with signing keys."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import AmbiguousKey, InvalidInput, SigningFailed
from debrepo.signing import signing_keys, trusted_keys
from debrepo.stopping import checkpoint
from debrepo_gpg import policy
from debrepo_gpg.keys import CREATE_HINT, choose
from debrepo_gpg.signer import GpgSigner, read_passphrase
from debrepo_gpg.trust import KEYRING, Keyrings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from debrepo.session import Session
    from debrepo.signing import MadeSignature, SigningKey
    from debrepo_gpg.keys import Key
    from debrepo_gpg.trust import TrustedKey, VerifiedText

ALGORITHMS = {
    "ed25519": ("Key-Type: EDDSA", "Key-Curve: ed25519"),
    "rsa4096": ("Key-Type: RSA", "Key-Length: 4096"),
}

_NAME = re.compile(r"[^\x00-\x1f\x7f<>()]{2,}")  # one line of GnuPG's batch language
_EMAIL = re.compile(r"[^\x00-\x20\x7f<>()@]+@[^\x00-\x20\x7f<>()@]+")
_EXPIRE = re.compile(r"0|[1-9]\d*[dwmy]?|\d{4}-\d\d-\d\d")


class KeyStatus(NamedTuple):
    """A secret key, and why it cannot sign if it cannot."""

    fingerprint: str
    user_ids: tuple[str, ...]
    algorithm: str
    created: datetime
    expires: datetime | None
    fault: str
    signs_as: str = ""  #: the fingerprint that its signatures carry: its own, or a subkey's


class Extended(NamedTuple):
    """A key that was prolonged, and what was signed again for that reason."""

    key: KeyStatus
    signed: list[str]  #: as ``kind:name``
    failed: dict[str, str]  #: what is not signed again, and why


class KeyCheck(NamedTuple):
    """A secret key, and what speaks against it."""

    fingerprint: str
    user_ids: tuple[str, ...]
    problems: list[str]


def create(
    session: Session,
    name: str,
    email: str = "",
    algorithm: str = "ed25519",
    expire: str = "0",
    passphrase_file: Path | None = None,
) -> KeyStatus:
    """Make a key that can sign and nothing else; ``expire`` is ``2y``, a date, or ``0``: never.

    Without a passphrase file of its own, it has the passphrase that is configured, if any.
    """
    if not _NAME.fullmatch(name.strip()):
        raise InvalidInput(
            "a key name needs at least 2 characters, and no control characters, <, >, ( or )",
            hint="use a name such as Example Archive",
        )
    if email and not _EMAIL.fullmatch(email):
        raise InvalidInput(f"not an email address: {email!r}")
    if not _EXPIRE.fullmatch(expire):
        raise _no_expiry(expire)
    if algorithm not in ALGORITHMS:
        raise InvalidInput(
            f"unknown key algorithm {algorithm!r}", hint=f"choose from: {', '.join(ALGORITHMS)}"
        )
    signer = opened(session)
    file = passphrase_file or signer.passphrase_file
    fingerprint = signer.create(
        [
            *ALGORITHMS[algorithm],
            "Key-Usage: sign",
            f"Name-Real: {name.strip()}",
            *([f"Name-Email: {email}"] if email else []),
            f"Expire-Date: {expire}",
            _protection(read_passphrase(file) if file else ""),
            "%commit",
        ]
    )
    return show(session, fingerprint)


def _no_expiry(text: str) -> InvalidInput:
    return InvalidInput(f"not an expiry: {text!r}", hint="use 0, 2y or a date such as 2030-12-31")


def _protection(passphrase: str) -> str:
    if passphrase != passphrase.strip():
        raise InvalidInput("a passphrase cannot begin or end with blanks")
    return f"Passphrase: {passphrase}" if passphrase else "%no-protection"


def list_(session: Session) -> list[KeyStatus]:
    """Return all secret keys, those that cannot sign too."""
    return [_status(found) for found in opened(session).secret_keys()]


def show(session: Session, key: str) -> KeyStatus:
    """Return the secret key that ``key`` names: a fingerprint, a key ID or part of a user ID."""
    return _status(_find(opened(session).secret_keys(), key))


def check(session: Session, key: str = "", *, at: str = "") -> list[KeyCheck]:
    """Check a key, or all there are, and what it has signed, against today's policy.

    A probe is signed too. With a date in ``at``, against the policies of that day, as far as
    they are known today.
    """
    moment = _date(at) if at else None
    signer = opened(session)
    there = signer.secret_keys()
    found = [_find(there, key)] if key else there
    if not found:
        raise SigningFailed("there is no secret key", hint=CREATE_HINT)
    signed = _signatures(session)
    return [
        *([] if key else _absent(session, there)),
        *(
            KeyCheck(
                entry.key.fingerprint,
                entry.key.user_ids,
                signer.problems_of(entry, moment)
                + policy.of_signatures(entry, signed, moment or datetime.now(UTC)),
            )
            for entry in found
        ),
    ]


def _date(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise InvalidInput(f"not a date: {text[:80]!r}", hint="write it as 2027-02-01") from None


def _absent(session: Session, there: Sequence[Key]) -> Iterator[KeyCheck]:
    """Yield the keys that are configured to sign, and cannot because they are not there."""
    for name in session.config["signing.gpg.keys"]:
        try:
            choose(there, [name])
        except SigningFailed as error:
            if not any(key.answers_to(name) for key in there):
                text = f"it is configured in signing.gpg.keys, but cannot sign: {error}"
                yield KeyCheck(name, (), [text])


def _signatures(session: Session) -> dict[str, list[MadeSignature]]:
    """Return the signatures that clients see, by what is signed."""
    with session.db.read() as txn:
        answers = session.hook.debrepo_signatures(txn=txn)
    return {name: list(made) for answer in answers for name, made in answer.items()}


def extend(session: Session, key: str, expire: str) -> Extended:
    """Prolong a key, then sign again whatever it signs; ``expire`` is as for `create`.

    A prolonged key has a new self-signature, and clients that verify with Sequoia refuse
    all older signatures of the key as soon as they have the new one. So hand out the key only
    after this. To sign again takes no scope of publishing, as the packages stay the same; pending
    changes stay pending.
    """
    if not _EXPIRE.fullmatch(expire):
        raise _no_expiry(expire)
    signer = opened(session)
    entry = _find(signer.secret_keys(), key)
    signer.extend(entry, expire)
    signed = _signatures(session)
    ours = frozenset(
        name
        for name, signatures in signed.items()
        if any(entry.answers_to(made.fingerprint) for made in signatures)
    )
    answers = session.hook.debrepo_sign_again(session=session, names=ours)
    done = {name: why for answer in answers for name, why in answer.items()}
    return Extended(
        show(session, entry.key.fingerprint),
        sorted(name for name, why in done.items() if not why),
        {name: why for name, why in sorted(done.items()) if why},
    )


def export(session: Session, keys: Sequence[str] = (), *, binary: bool = False) -> bytes:
    """Return public keys, armored unless ``binary``; without names, those that would sign.

    If there are several and none is configured, these are the keys in use, or all that can sign.
    """
    signer = opened(session)
    there = signer.secret_keys() if keys else []
    found = [_find(there, key).key for key in keys] or _trusted(session, signer)
    chosen = list({key.fingerprint: key for key in found}.values())
    return signer.export_binary(chosen) if binary else signer.export(chosen)


def _trusted(session: Session, signer: GpgSigner) -> list[SigningKey]:
    """Return the keys that clients have to trust, those that are announced among them."""
    with session.db.read() as txn:
        batches = session.hook.debrepo_key_rotations(txn=txn)
    rotations = [one for batch in batches for one in batch]
    keys = signing_keys(_in_use(session, signer), rotations, signer.resolve)
    return trusted_keys(keys, rotations, signer.resolve)


def _in_use(session: Session, signer: GpgSigner) -> list[SigningKey]:
    try:
        return signer.resolve([])
    except AmbiguousKey:
        signed = _signatures(session)
        usable = [found.key for found in signer.secret_keys() if not found.fault]
        made = [one for many in signed.values() for one in many]
        return [key for key in usable if any(one.is_by(key) for one in made)] or usable


def seal(session: Session, recipient: bytes) -> bytes:
    """Return all secret keys, encrypted to a public key, armored or not: for a backup.

    What protects them now, a passphrase, protects them in there, too.
    """
    return opened(session).seal(recipient)


def import_(session: Session, data: bytes) -> list[KeyStatus]:
    """Add secret keys, as ``gpg --export-secret-keys`` writes them."""
    signer = opened(session)
    imported = signer.import_(data)
    return [_status(found) for found in signer.secret_keys() if found.key.fingerprint in imported]


def trust(session: Session, data: bytes, *, keyring: str = KEYRING) -> list[str]:
    """Trust public keys, as ``gpg --export`` writes them.

    Returns their fingerprints.
    """
    return _keyrings(session).add(keyring, data)


def fetch(
    session: Session, keys: Sequence[str], *, server: str, keyring: str = KEYRING
) -> list[str]:
    """Trust public keys from a key server; returns their fingerprints."""
    return _keyrings(session).fetch(keyring, keys, server)


def trusted(session: Session, *, keyring: str = KEYRING) -> list[TrustedKey]:
    """Return the trusted public keys."""
    return _keyrings(session).list_(keyring)


def distrust(session: Session, keys: Sequence[str], *, keyring: str = KEYRING) -> None:
    """Stop trusting public keys."""
    _keyrings(session).remove(keyring, keys)


def verify(
    session: Session,
    data: bytes,
    *,
    keyring: str = KEYRING,
    signature: bytes = b"",
    keyrings: Sequence[str] = (),
    keys: bytes = b"",
    fingerprints: Sequence[str] = (),
) -> VerifiedText:
    """Return what is signed, in line or by a detached ``signature``, and by which trusted keys.

    Trusted are the keys of ``keyrings``, or else of ``keyring``; public ``keys``, as ``gpg
    --export`` or a keyring of GnuPG has them, take the place of the latter. One signature of a
    trusted key is enough; with ``fingerprints``, one of these keys has to have signed. Raises
    `VerificationFailed` otherwise. What stands outside of the signature is left out.
    """
    names = tuple(keyrings) or (() if keys else (keyring,))
    return _keyrings(session).verify(
        data, names, signature=signature, keys=keys, fingerprints=fingerprints
    )


def _keyrings(session: Session) -> Keyrings:
    program = str(session.config.section("signing.gpg").get("program") or "gpg")
    return Keyrings(opened(session).home, program)


def opened(session: Session) -> GpgSigner:
    """Return the signer of this plugin, whichever one signs."""
    if session.config["signing.signer"] == "gpg" and isinstance(session.signer, GpgSigner):
        return session.signer
    return GpgSigner.open(session.config.section("signing.gpg"), session.root)


def _find(there: Sequence[Key], name: str) -> Key:
    """Return the one key of that name; one that cannot sign too, if it is the only one."""
    checkpoint()
    matching = [key.named(name) for key in there if key.answers_to(name)]
    return matching[0] if len(matching) == 1 else choose(matching, [name])[0]


def _status(found: Key) -> KeyStatus:
    key = found.key
    signs_as = "" if found.fault else key.signs_as
    return KeyStatus(*key[:5], found.fault, signs_as)
