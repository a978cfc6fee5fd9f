"""What a mirror reads from the archive that it follows."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_mirror.mirror import Mirror
    from debrepo_mirror.upstream.reading import Verify
    from debrepo_mirror.upstream.release import Release


def read_release(session: Session, mirror: Mirror) -> Release:
    """Fetch and verify the Release file of the archive that a mirror follows.

    Nothing is stored. A flat repository without a Release file has one without fields.
    """
    from debrepo_mirror.upstream import connecting, reading
    from debrepo_mirror.upstream.release import Release

    if mirror.without_release:
        return Release()
    limit = session.config["mirror.limits.release"]
    with closing(connecting.connect(session, mirror)) as transport:
        found = reading.read(transport, mirror, verifier(session, mirror), limit=limit)
    if not mirror.ignore_dates:
        reading.check_dates(found, mirror)
    return found


def verifier(session: Session, mirror: Mirror) -> Verify:
    """Return what verifies a text by the keys that a mirror trusts."""

    def verify(data: bytes, signature: bytes) -> tuple[bytes, tuple[str, ...]]:
        found = session.call(
            "key.verify",
            data=data,
            signature=signature,
            keyrings=mirror.keyrings,
            keys=mirror.keys.encode(),
            fingerprints=mirror.fingerprints,
        )
        return found.text, found.fingerprints

    return verify
