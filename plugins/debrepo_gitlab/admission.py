"""Admission: which packages a distribution takes, by what they say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput, InvalidPackage
from debrepo_gitlab import distributions, listings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from debrepo.archive import FileList
    from debrepo.session import Session
    from debrepo_gitlab.containers import Container
    from debrepo_gitlab.distributions import Distribution


def check(
    session: Session,
    container: Container,
    found: Distribution,
    paths: Iterable[Path],
    listed: FileList | None = None,
) -> None:
    """Raise `InvalidInput` if packages do not fit a distribution, or the .changes that lists them.

    In strict likeness to GitLab, each architecture is accepted, and published nowhere if the
    distribution lacks it, and no version of a source may be in two distributions.
    """
    if session.config["gitlab.strict"]:
        _check_sources(session, container, found, paths)
        return
    from debrepo.changes import check_named

    known = found.architectures
    for path in paths:
        if path.suffix == ".dsc":
            continue
        control = _control(session, path)
        architecture = control.get(b"architecture", b"").decode().strip()
        if listed is not None and "binary" in listed.fields:  # GitLab's own clients leave it out
            name = control.get(b"package", b"").decode().strip()
            check_named(listed, name, architecture, path.name)
        if architecture not in known:
            raise InvalidInput(
                f"{path.name} is for {architecture[:60]}, and {found.codename} is not",
                hint=f"its architectures are {', '.join(known)}; add {architecture[:60]} to them",
            )


def _control(session: Session, path: Path) -> dict[bytes, bytes]:
    from debrepo.archive import read_control
    from debrepo.ingest import configured_limits

    try:
        return read_control(path, limits=configured_limits(session.config))
    except InvalidPackage as error:
        raise InvalidPackage(f"{path.name}: {error}", hint=error.hint) from error


def _check_sources(
    session: Session, container: Container, found: Distribution, paths: Iterable[Path]
) -> None:
    sources = [_source_of(session, path) for path in paths]
    listings.refresh(session, container)
    with session.db.read() as txn:
        names = {one.id: one.codename for one in distributions.list_(txn, container)}
        rows = [listings.find(txn, container, source) for source in sources]
    for row in filter(None, rows):
        there = {int(place.partition(" ")[0]) for place, _ in row.members} - {found.id}
        if there:
            known = f"Debian package {row.name} {row.version}"
            raise InvalidInput(f"{known} exists in distribution {names[min(there)]}")


def _source_of(session: Session, path: Path) -> tuple[str, str]:
    """Return the name and version of the source that a file is or was built from."""
    from debrepo.archive import read_source
    from debrepo.ingest import configured_limits

    if path.suffix == ".dsc":
        return read_source(path, limits=configured_limits(session.config)).source
    fields = {name: value.decode().strip() for name, value in _control(session, path).items()}
    name, _, version = fields.get(b"source", "").partition(" ")
    return name or fields.get(b"package", ""), version.strip(" ()") or fields.get(b"version", "")
