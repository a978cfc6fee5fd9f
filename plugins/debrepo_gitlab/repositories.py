"""The repositories of a distribution, one for each component."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from debrepo.errors import AlreadyExists

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debrepo.session import Session
    from debrepo_gitlab.containers import Container

_LONGEST = 190  # characters; `debrepo.lists.check_name` allows 200, and a number may follow


def create(
    session: Session, where: Container, codename: str, components: Sequence[str] | dict[str, str]
) -> dict[str, str]:
    """Create a repository for each component; a group has none of its own."""
    if where.kind == "group":
        return dict.fromkeys(components, "")
    return {component: _create_one(session, where, codename, component) for component in components}


def _create_one(session: Session, where: Container, codename: str, component: str) -> str:
    stem = _shortened(f"{where.path.replace('/', '.')}-{codename}-{component}")
    for attempt in range(1, 100):
        name = stem if attempt == 1 else f"{stem}-{attempt}"
        comment = f"of the distribution {codename} of {where.path}"
        try:
            session.call(
                "repo.create",
                name=name,
                component=component,
                distribution=codename,
                comment=comment,
            )
        except AlreadyExists:
            continue
        return name
    raise AlreadyExists(f"repository {stem} exists already", hint="rename or drop it")


def _shortened(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 17]}-{blake2b(name.encode(), digest_size=8).hexdigest()}"


def drop(session: Session, made: Mapping[str, str]) -> None:
    """Drop empty repositories, given by component."""
    for name in filter(None, made.values()):
        session.call("repo.drop", name=name)
