"""A signer for tests: signatures are digests, which anybody could make, but not by accident."""

import base64
import hashlib
from datetime import UTC, datetime

from debrepo import clock
from debrepo.errors import SigningFailed
from debrepo.signing import Signatures, Signer, SigningKey

FINGERPRINT = "ABCD" * 10
BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
MIDDLE = b"-----BEGIN PGP SIGNATURE-----\n\n"
END = b"\n-----END PGP SIGNATURE-----\n"


class PaperSigner(Signer):
    """One key, no secret; others where they are named by their fingerprints."""

    def __init__(self, *, broken: bool, keys=(), renewed: int = 0) -> None:
        self.broken = broken
        self.keys = tuple(keys)
        self.renewed = renewed

    @classmethod
    def open(cls, options, root):
        return cls(
            broken=bool(options.get("broken")),
            keys=options.get("keys") or (),
            renewed=int(options.get("renewed") or 0),
        )

    def resolve(self, keys):
        made = datetime(2026, 1, 1, tzinfo=UTC)
        renewed = datetime.fromtimestamp(self.renewed, UTC) if self.renewed else None
        return [
            SigningKey(name, ("Paper",), "ed25519", made, None, renewed=renewed)
            for name in keys or self.keys or (FINGERPRINT,)
        ]

    def sign(self, release, keys):
        if self.broken:
            raise SigningFailed("the paper is wet", hint="dry it")
        digest = hashlib.sha256(release).digest()
        block = base64.b64encode(b"".join(_packet(key.fingerprint, digest) for key in keys))
        return Signatures(
            BEGIN + release + MIDDLE + block + END,
            MIDDLE + block + END,
            tuple(key.fingerprint for key in keys),
        )

    def problems(self, key):
        return []

    def export(self, keys):
        return b""


def _packet(fingerprint, digest):
    """Return a signature packet as OpenPGP has it, with a digest for a signature."""
    said = b"\x05\x02" + clock.seconds().to_bytes(4) + b"\x16\x21\x04" + bytes.fromhex(fingerprint)
    body = b"\x04\x01\x16\x0a" + len(said).to_bytes(2) + said + b"\0\0" + digest
    return bytes([0xC2, len(body)]) + body


def signed_text(inline):
    """Return what an InRelease file of this signer's says; fail for a wrong signature."""
    assert inline.startswith(BEGIN)
    assert inline.endswith(END)
    text, middle, block = inline.removeprefix(BEGIN).removesuffix(END).partition(MIDDLE)
    assert middle
    assert base64.b64decode(block).endswith(hashlib.sha256(text).digest())
    return text
