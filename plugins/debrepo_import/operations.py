"""What can be done to bring archives of other tools here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from debrepo_import.files import check_way

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from debrepo.session import Session
    from debrepo_import.checking import ComparedArchives
    from debrepo_import.report import ImportReport


def aptly(
    session: Session,
    root: Path | None = None,
    *,
    config: Path | None = None,
    way: Literal["copy", "reflink", "link"] = "copy",
    renamed: Mapping[str, str] | None = None,
    force: bool = False,
    prune: bool = False,
    recover: bool = False,
) -> ImportReport:
    """Bring everything here that aptly keeps below ``root``, which ``config`` names too.

    A second call brings what has changed since. ``way`` says how files come; ``renamed`` gives
    lists new names, by ``kind:name``. ``force`` replaces lists of the same names; ``prune`` drops
    those that an earlier import has brought and aptly does not have any more. ``recover`` reads
    what can be read of a damaged database.
    """
    from debrepo_import.aptly import configuration, importing, source

    check_way(way)
    place, path = configuration.found(root, config)
    terms = importing.ImportTerms(way, force=force, prune=prune)
    with source.opened(session, place, path, renamed=renamed, recover=recover) as opened:
        return importing.bring(session, opened, terms)


def check(
    session: Session,
    root: Path | None = None,
    *,
    config: Path | None = None,
    renamed: Mapping[str, str] | None = None,
    files: bool = False,
) -> ComparedArchives:
    """Compare what aptly keeps with what is here; with ``files``, those in the pool are read."""
    from debrepo_import.aptly import comparing, configuration, source

    place, path = configuration.found(root, config)
    with source.opened(session, place, path, renamed=renamed) as opened:
        return comparing.compare(session, opened, files=files)
