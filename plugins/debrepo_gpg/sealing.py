"""Sealing: secret keys, encrypted to somebody's public key."""

from __future__ import annotations

import re
import tempfile
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput

if TYPE_CHECKING:
    from debrepo_gpg.running import Gpg

_ARMORED = re.compile(rb"-----BEGIN PGP (.*?) BLOCK-----")
_PUBLIC_KEY = 6  # the tag of a packet (RFC 9580, 5.5.1.1)
_HINT = "write the public key to a file: gpg --armor --export KEY > key.asc"


def check_recipient(recipient: bytes) -> None:
    """Raise `InvalidInput` unless something looks like a public key: what follows tells little."""
    armor = _ARMORED.search(recipient)
    if armor is not None:
        public = armor[1] == b"PUBLIC KEY"
    else:
        first = recipient[0] if recipient else 0
        public = first >= 0x80 and _PUBLIC_KEY in (first & 0x3F, (first >> 2) & 0xF)
    if not public:
        raise InvalidInput("not a public key to encrypt to", hint=_HINT)


def seal(gpg: Gpg, data: bytes, recipient: bytes) -> bytes:
    """Return ``data`` encrypted to a public key, armored."""
    with tempfile.NamedTemporaryFile(prefix="debrepo-recipient-") as file:
        file.write(recipient)
        file.flush()
        words = ["--armor", "--encrypt", "--recipient-file", file.name]
        sealed = gpg.run(words, None, data)
    if sealed.returncode or not sealed.data:
        lines = [line for line in sealed.stderr.splitlines() if not line.startswith("[GNUPG:]")]
        raise InvalidInput(
            f"cannot encrypt to that key: {lines[-1].removeprefix('gpg: ') if lines else ''}",
            hint=_HINT,
        )
    return bytes(sealed.data)
