"""Hashing: checksums of indexes, and names for what something is made from."""

from __future__ import annotations

from _blake2 import blake2b  # hashlib would load OpenSSL for it
from typing import TYPE_CHECKING

from debrepo_publish.model.publication import SUMS

if TYPE_CHECKING:
    from collections.abc import Iterable


def key_of(*parts: bytes) -> bytes:
    """Return the hash of what something is made from."""
    digest = blake2b(digest_size=20)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()


def digests(data: bytes, sums: Iterable[str]) -> tuple[str, str, str, str]:
    """Return the MD5, SHA1, SHA256 and SHA512 of ``data``; those not asked for are empty."""
    md5, sha1, sha256, sha512 = Sums(sums, data).hexdigests()
    return md5, sha1, sha256, sha512


class Sums:
    """The checksums and the size of a text that comes in parts."""

    def __init__(self, sums: Iterable[str], data: bytes = b"") -> None:
        import hashlib  # it loads OpenSSL

        wanted = {*sums, "sha256"}
        self._hashes = {n: hashlib.new(n, usedforsecurity=False) for n in SUMS if n in wanted}
        self.size = 0
        self.feed(data)

    def feed(self, data: bytes) -> None:
        """Add a part."""
        self.size += len(data)
        for digest in self._hashes.values():
            digest.update(data)

    def hexdigests(self) -> list[str]:
        """Return the checksums in the order of `SUMS`, empty where one was not wanted."""
        return [self._hashes[name].hexdigest() if name in self._hashes else "" for name in SUMS]
