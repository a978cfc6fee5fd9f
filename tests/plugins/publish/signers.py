"""A signer for tests: signatures are digests, which anybody could make, but not by accident."""

import hashlib
from datetime import UTC, datetime

from debrepo.errors import SigningFailed
from debrepo.signing import Signatures, Signer, SigningKey

FINGERPRINT = "ABCD" * 10
BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
MIDDLE = b"-----BEGIN PGP SIGNATURE-----\n\n"
END = b"\n-----END PGP SIGNATURE-----\n"


class PaperSigner(Signer):
    """One key, no secret."""

    def __init__(self, *, broken: bool) -> None:
        self.broken = broken

    @classmethod
    def open(cls, options, root):
        return cls(broken=bool(options.get("broken")))

    def resolve(self, keys):
        return [
            SigningKey(FINGERPRINT, ("Paper",), "ed25519", datetime(2026, 1, 1, tzinfo=UTC), None)
        ]

    def sign(self, release, keys):
        if self.broken:
            raise SigningFailed("the paper is wet", hint="dry it")
        digest = hashlib.sha256(release).hexdigest().encode()
        return Signatures(
            BEGIN + release + MIDDLE + digest + END, MIDDLE + digest + END, (FINGERPRINT,)
        )

    def problems(self, key):
        return []

    def export(self, keys):
        return b""


def signed_text(inline):
    """Return what an InRelease file of this signer's says; fail for a wrong signature."""
    assert inline.startswith(BEGIN)
    assert inline.endswith(END)
    text, middle, digest = inline.removeprefix(BEGIN).removesuffix(END).partition(MIDDLE)
    assert middle
    assert hashlib.sha256(text).hexdigest().encode() == digest
    return text
