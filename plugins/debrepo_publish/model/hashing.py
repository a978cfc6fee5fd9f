"""Hashing: checksums of indexes, and names for what something is made from."""

from __future__ import annotations

from _blake2 import blake2b  # hashlib would load OpenSSL for it
from typing import TYPE_CHECKING

from debrepo_publish.model.publication import CHECKSUMS

if TYPE_CHECKING:
    from collections.abc import Iterable


def key_of(*parts: bytes) -> bytes:
    """Return the hash of what something is made from."""
    digest = blake2b(digest_size=20)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()


def digests(data: bytes, checksums: Iterable[str]) -> tuple[str, str, str, str]:
    """Return the MD5, SHA1, SHA256 and SHA512 of ``data``; those not asked for are empty."""
    md5, sha1, sha256, sha512 = Checksums(checksums, data).hexdigests()
    return md5, sha1, sha256, sha512


class Checksums:
    """The checksums and the size of a text that comes in parts."""

    def __init__(self, checksums: Iterable[str], data: bytes = b"") -> None:
        import hashlib  # it loads OpenSSL

        wanted = {*checksums, "sha256"}
        self._hashes = {n: hashlib.new(n, usedforsecurity=False) for n in CHECKSUMS if n in wanted}
        self.size = 0
        self.feed(data)

    def feed(self, data: bytes | memoryview) -> None:
        """Add a part."""
        self.size += len(data)
        for digest in self._hashes.values():
            digest.update(data)

    def hexdigests(self) -> list[str]:
        """Return the checksums in the order of `CHECKSUMS`, empty where one was not wanted."""
        hashes = (self._hashes.get(name) for name in CHECKSUMS)
        return [found.hexdigest() if found else "" for found in hashes]
