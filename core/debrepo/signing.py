"""Signing: how Release files get their signatures."""

from __future__ import annotations

import base64
import binascii
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from debrepo.errors import InvalidInput, SigningFailed
from debrepo.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path


_ARMOR = re.compile(
    rb"^-----BEGIN PGP SIGNATURE-----\r?\n(?:[^\r\n]+\r?\n)*\s*?\n(.*?)"
    rb"^-----END PGP SIGNATURE-----",
    re.DOTALL | re.MULTILINE,
)
_KEYS = re.compile(
    rb"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[^\r\n:]+:[^\n]*\n)*\r?\n(.*?)"
    rb"(?:\n=[A-Za-z0-9+/=]{4,5})?\s*-----END PGP PUBLIC KEY BLOCK-----",
    re.DOTALL,
)
_SIGNATURE = 2  # the tag of a signature packet (RFC 9580, 5.2)
_CREATED, _ISSUER, _FINGERPRINT = 2, 16, 33  # types of its subpackets


class SigningKey(NamedTuple):
    """A secret key that can sign."""

    fingerprint: str
    user_ids: tuple[str, ...]
    algorithm: str  #: ``ed25519``, ``rsa4096``, …
    created: datetime
    expires: datetime | None
    part: str = ""  #: the fingerprint of the subkey that signs, if it is not the key itself
    renewed: datetime | None = None  #: date of its newest self-signature: no signature may be older

    @property
    def signs_as(self) -> str:
        """The fingerprint that its signatures carry."""
        return self.part or self.fingerprint


class Signatures(NamedTuple):
    """A Release file with its signatures, and the fingerprints that these carry."""

    inline: bytes  #: the content of ``InRelease``
    detached: bytes  #: the content of ``Release.gpg``, armored
    fingerprints: tuple[str, ...]


class MadeSignature(NamedTuple):
    """What a signature says of itself; it is not verified."""

    fingerprint: str  #: of the key or subkey that made it; its key ID if the signature has no more
    created: int  #: in seconds since the epoch
    digest: int = 0  #: the digest algorithm, as OpenPGP numbers them; 0: not known
    version: int = 0  #: of the format of the signature; 0: not known

    def is_by(self, key: SigningKey) -> bool:
        """Return whether the signature names this key as its maker."""
        return bool(self.fingerprint) and key.signs_as.endswith(self.fingerprint)


def made_signatures(signed: bytes) -> list[MadeSignature]:
    """Return the signatures of a clear-signed text, or those that are armored by themselves."""
    found = _ARMOR.findall(signed)
    if not found:
        return []
    body = b"".join(line for line in found[-1].splitlines() if not line.startswith(b"="))
    try:
        return [made for tag, data in _packets(base64.b64decode(body)) for made in _made(tag, data)]
    except (binascii.Error, IndexError):  # damaged: verifying it says so
        return []


def dearmored(keyring: bytes) -> bytes:
    """Return public keys without armor, as gpgv reads them."""
    if b"-----BEGIN PGP" not in keyring:
        return keyring
    try:
        return b"".join(base64.b64decode(block) for block in _KEYS.findall(keyring))
    except binascii.Error as error:
        raise InvalidInput(f"the keyring is damaged: {error}") from None


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each OpenPGP packet."""
    while data:
        if data[0] & 0x40:
            size, start = _length(data, 1)
            tag = data[0] & 0x3F
        else:
            start = 1 + (1 << (data[0] & 3))
            size, tag = int.from_bytes(data[1:start]), (data[0] >> 2) & 0xF
        yield tag, data[start : start + size]
        data = data[start + size :]


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Return a length of one, two or five bytes, and where it ends."""
    if data[at] < 192:
        return data[at], at + 1
    if data[at] < 255:
        return ((data[at] - 192) << 8) + data[at + 1] + 192, at + 2
    return int.from_bytes(data[at + 1 : at + 5]), at + 5


def _made(tag: int, data: bytes) -> Iterator[MadeSignature]:
    if tag != _SIGNATURE:
        return
    if data[0] == 3:
        yield MadeSignature(data[7:15].hex().upper(), int.from_bytes(data[3:7]), data[16], 3)
        return
    width, at, said = 4 if data[0] == 6 else 2, 4, dict[int, bytes]()
    for _ in ("hashed", "not hashed"):
        size = int.from_bytes(data[at : at + width])
        rest, at = data[at + width : at + width + size], at + width + size
        while rest:
            length, start = _length(rest, 0)
            said.setdefault(rest[start] & 0x7F, rest[start + 1 : start + length])
            rest = rest[start + length :]
    issuer = said.get(_FINGERPRINT, b"")[1:] or said.get(_ISSUER, b"")
    created = int.from_bytes(said.get(_CREATED, b""))
    yield MadeSignature(issuer.hex().upper(), created, data[3], data[0])


#: Returns the keys of these names, as `Signer.resolve` does.
Resolve = Callable[[Sequence[str]], list[SigningKey]]


class KeyRotation(NamedTuple):
    """A key that takes the place of another, in stages."""

    old: str  #: fingerprint of the primary key
    new: str
    #: ``announced``: clients get the new key; ``co-signing``: both sign; ``primary``: the new one
    #: signs, and clients have both; ``retired``: the new one stands for the old one.
    stage: str

    @property
    def replaced(self) -> bool:
        """Whether the old key signs no more."""
        return self.stage in ("primary", "retired")

    def signing(self, key: SigningKey, resolve: Resolve) -> list[SigningKey]:
        """Return the keys that sign where ``key`` was chosen."""
        if key.fingerprint != self.old or self.stage == "announced":
            return [key]
        new = resolve([self.new])
        return new if self.replaced else [key, *new]

    def trusted(self, key: SigningKey, resolve: Resolve) -> list[SigningKey]:
        """Return the keys that clients have to trust where ``key`` signs at this stage."""
        if self.stage == "announced" and key.fingerprint == self.old:
            return [key, *resolve([self.new])]
        if self.stage == "primary" and key.fingerprint == self.new:
            with suppress(SigningFailed):  # the old one may be gone already
                return [key, *resolve([self.old])]
        return [key]


def signing_keys(
    keys: Iterable[SigningKey], rotations: Iterable[KeyRotation], resolve: Resolve
) -> list[SigningKey]:
    """Return the keys that sign in place of those that were chosen, while keys are rotated."""
    found = list(keys)
    for rotation in rotations:
        found = [one for key in found for one in rotation.signing(key, resolve)]
    return _once(found)


def trusted_keys(
    keys: Iterable[SigningKey], rotations: Iterable[KeyRotation], resolve: Resolve
) -> list[SigningKey]:
    """Return the keys that clients have to trust while these sign, those announced among them."""
    found = list(keys)
    for rotation in rotations:
        found = [one for key in found for one in rotation.trusted(key, resolve)]
    return _once(found)


def _once(keys: Iterable[SigningKey]) -> list[SigningKey]:
    return list({key.signs_as: key for key in keys}.values())


class Signer(ABC):
    """An OpenPGP back end. It never needs a terminal, and never asks."""

    @classmethod
    @abstractmethod
    def open(cls, options: Mapping[str, object], root: Path) -> Self:
        """Open the back end with its settings; ``root`` is debrepo's root directory."""

    @abstractmethod
    def resolve(self, keys: Sequence[str]) -> list[SigningKey]:
        """Return the secret keys that ``keys`` (fingerprints, key or user IDs) name.

        A fingerprint with ``!`` behind it names exactly this key or subkey. With no names, the
        configured keys, else the only one there is. Raise `SigningFailed` for a key that is
        missing, expired, revoked or ambiguous, with a hint that names the command which makes
        one; `AmbiguousKey` where no name was given or configured and there are several: what is
        published keeps the keys that have signed it. Nothing is signed.
        """

    @abstractmethod
    def sign(self, release: bytes, keys: Sequence[SigningKey]) -> Signatures:
        """Sign ``release`` with every one of ``keys``, in line and detached."""

    @abstractmethod
    def problems(self, key: SigningKey) -> list[str]:
        """Return a line for everything that apt or today's policy would hold against a key."""

    @abstractmethod
    def export(self, keys: Sequence[SigningKey]) -> bytes:
        """Return the public keys, armored."""
