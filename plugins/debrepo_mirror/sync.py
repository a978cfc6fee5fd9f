"""Updates: what is new in an archive comes into its mirror, in one step at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from debrepo.session import Session
    from debrepo_mirror.mirror import Mirror


class UpdateTerms(NamedTuple):
    """How an update goes about it; what mirrors say themselves of it is in `Mirror`."""

    force: bool = False  #: read everything again, even if nothing has changed upstream
    ignore_checksums: bool = False
    skip_existing_packages: bool = False
    download_limit: int = 0  #: KiB a second; 0: as configured
    allow_missing: bool = False
    dry_run: bool = False


class Updated(NamedTuple):
    """What an update has done, or would do."""

    mirror: Mirror
    size: int  #: in packages
    added: int = 0
    removed: int = 0
    files: int = 0  #: that were fetched, or would be
    fetched: int = 0  #: bytes
    changed: bool = True  #: False: upstream is as it was at the last update
    faults: int = 0
    missing: tuple[str, ...] = ()  #: files that upstream lists and does not have


def update(session: Session, name: str, terms: UpdateTerms, options: Mapping[str, Any]) -> Updated:
    """Bring a mirror up to date with its archive.

    ``options`` are properties of the mirror that are different for this update alone: see
    `choices.changed`.
    """
    raise PluginError(f"cannot update {name} {terms} {options} {session.root}")
