"""What a mirror reads from the archive that it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from debrepo.errors import PluginError

if TYPE_CHECKING:
    from debrepo.session import Session
    from debrepo_mirror.mirror import Mirror


class Release(NamedTuple):
    """A Release file that was verified."""

    fields: tuple[tuple[str, str], ...]  #: but for the checksums
    components: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()  #: without ``all`` and ``source``
    signers: tuple[str, ...] = ()  #: fingerprints of the trusted keys that have signed it


def read_release(session: Session, mirror: Mirror) -> Release:
    """Fetch and verify the Release file of the archive that a mirror follows.

    Nothing is stored. A flat repository without a Release file has one without fields.
    """
    raise PluginError(f"cannot read {mirror.root} {session.root}")
