"""Signing: how Release files get their signatures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path


class SigningKey(NamedTuple):
    """A secret key that can sign."""

    fingerprint: str
    user_ids: tuple[str, ...]
    algorithm: str  #: ``ed25519``, ``rsa4096``, …
    created: datetime
    expires: datetime | None


class Signatures(NamedTuple):
    """A Release file with its signatures, and the fingerprints of the keys that made them."""

    inline: bytes  #: the content of ``InRelease``
    detached: bytes  #: the content of ``Release.gpg``, armored
    fingerprints: tuple[str, ...]


class Signer(ABC):
    """An OpenPGP back end. It never needs a terminal, and never asks."""

    @classmethod
    @abstractmethod
    def open(cls, options: Mapping[str, object], root: Path) -> Self:
        """Open the back end with its settings; ``root`` is debrepo's root directory."""

    @abstractmethod
    def resolve(self, keys: Sequence[str]) -> list[SigningKey]:
        """Return the secret keys that ``keys`` (fingerprints, key or user IDs) name.

        With no names, the configured keys, else the only one there is. Raise
        `SigningFailed` for a key that is missing, expired, revoked or ambiguous, with a
        hint that names the command which makes one. Nothing is signed.
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
