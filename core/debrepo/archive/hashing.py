"""The four digests of a file, computed by OpenSSL where it is worth loading it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Hash(Protocol):
    """What has been hashed so far."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


#: Bytes that Python hashes by itself in less time than it takes to load OpenSSL.
_left = 1 << 17


def start(data: bytes | None) -> tuple[Hash, ...]:
    """Return MD5, SHA1, SHA256 and SHA512 of a small file, or of the beginning of any.

    ``None`` stands for the latter: nobody knows how much will follow.
    """
    global _left
    if data is not None and _left >= len(data) and "hashlib" not in sys.modules:
        _left -= len(data)
        try:
            return tuple(new(data, usedforsecurity=False) for new in _own())
        except ImportError:  # a Python that was built without them
            _left = 0
    import hashlib

    begun = data or b""
    return (  # hashlib.new() is slower, and so is a loop
        hashlib.md5(begun, usedforsecurity=False),
        hashlib.sha1(begun, usedforsecurity=False),
        hashlib.sha256(begun, usedforsecurity=False),
        hashlib.sha512(begun, usedforsecurity=False),
    )


def _own() -> tuple[Callable[..., Any], ...]:
    from importlib import import_module

    sha2 = ("_sha2", "_sha2") if sys.version_info >= (3, 12) else ("_sha256", "_sha512")
    modules = ("_md5", "_sha1", *sha2)
    names = ("md5", "sha1", "sha256", "sha512")
    return tuple(getattr(import_module(m), n) for m, n in zip(modules, names, strict=True))
