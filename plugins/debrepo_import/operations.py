"""What can be done to bring archives of other tools here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from debrepo_import.files import check_way

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from debrepo.session import Session
    from debrepo_import.checking import ComparedArchives
    from debrepo_import.leaving.writing import ExportReport
    from debrepo_import.report import ImportReport
    from debrepo_import.reprepro.shadow import RepreproAnswer


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


def tree(
    session: Session,
    location: str,
    *,
    suites: Sequence[str] = (),
    components: Sequence[str] = (),
    name: str = "{suite}-{component}",
    snapshots: bool = False,
    keyrings: Sequence[str] = (),
    ignore_signatures: bool = False,
) -> ImportReport:
    """Bring a published archive here: a URL, or a directory.

    Each component of a suite becomes a repository called ``name``, and a mirror that fetches it;
    with ``snapshots``, each of its states becomes a snapshot too. Without ``suites``, all that a
    directory has are brought. A second call brings what has changed since.
    """
    from debrepo_import import trees

    terms = trees.TreeTerms(
        tuple(suites), tuple(components), name, snapshots, tuple(keyrings), ignore_signatures
    )
    return trees.bring(session, location, terms)


def reprepro(
    session: Session,
    base: Path,
    *,
    way: Literal["copy", "reflink", "link"] = "copy",
    force: bool = False,
    storage: str = "reprepro",
) -> ImportReport:
    """Bring everything here that reprepro keeps below ``base``.

    Each component of a distribution becomes a repository, each update rule a mirror, and how
    distributions are published is stored. ``storage`` is the name that its public directory
    gets, if it is none of the configured storages. A second call brings what has changed since.
    """
    from debrepo_import.reprepro import importing

    check_way(way)
    return importing.bring(session, base, importing.RepreproTerms(way, force, storage))


def run_reprepro(session: Session, words: Sequence[str]) -> RepreproAnswer:
    """Do what a command line of reprepro asks for; what fails is part of the answer."""
    from debrepo_import.reprepro import shadow

    return shadow.run(session, words)


def export_aptly(session: Session, directory: Path, *, link: bool = False) -> ExportReport:
    """Write lists and publications for aptly: package files, and a script that takes them in.

    With ``link``, package files are those of the pool: what changes one changes the other.
    """
    from debrepo_import.leaving import to_aptly

    return to_aptly.export(session, directory, link=link)


def export_reprepro(session: Session, directory: Path, *, link: bool = False) -> ExportReport:
    """Write what is published for reprepro: files, conf/distributions, and a script.

    With ``link``, package files are those of the pool: what changes one changes the other.
    """
    from debrepo_import.leaving import to_reprepro

    return to_reprepro.export(session, directory, link=link)
