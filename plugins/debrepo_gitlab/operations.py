"""What can be done with projects, groups, their tokens and their distributions."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo import lists
from debrepo.errors import Conflict, DatabaseError, DebrepoError, InUse, InvalidInput
from debrepo_gitlab import (
    admission,
    announcing,
    containers,
    contributions,
    distributions,
    download_dates,
    listings,
    owners,
    packages,
    publishing,
    removals,
    repositories,
    tokens,
    uploads,
)
from debrepo_gitlab.containers import Container
from debrepo_gitlab.distributions import DISTRIBUTIONS, TEXTS, Distribution
from debrepo_gitlab.refusals import NoKey
from debrepo_gitlab.tokens import TOKENS, ProjectToken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from debrepo.session import Session
    from debrepo_gitlab.packages import SourceVersion
    from debrepo_gitlab.publishing import PublishedDistribution


class ShownProject(NamedTuple):
    """A project or group, its members with their roles, and its distributions."""

    container: Container
    members: dict[str, str]
    distributions: tuple[str, ...]


class Received(NamedTuple):
    """A distribution that files have joined, and what it takes for clients to see them."""

    container: str
    codename: str
    serial: int
    number: int = 0  #: of the distribution; another one may get its codename


def create_container(
    session: Session, path: str, *, kind: str = "project", visibility: str = "private"
) -> Container:
    """Create a project or group, in the group that its path begins with."""
    new = Container(
        kind,
        0,
        containers.check_path(path),
        containers.check_visibility(visibility),
        created=_now(),
    )
    with session.db.write() as txn:
        added = containers.add(txn, new)
        announcing.created(session, txn, *announcing.of_container(added))
    return added


def list_containers(session: Session, *, kind: str = "project") -> list[Container]:
    """Return all projects, or all groups, by number."""
    with session.db.read() as txn:
        return containers.list_(txn, kind)


def show_container(session: Session, path: str, *, kind: str = "project") -> ShownProject:
    """Return a project or group, by its path or number."""
    with session.db.read() as txn:
        found = containers.get(txn, f"{kind}:{path}")
        names = tuple(d.codename for d in distributions.list_(txn, found))
        return ShownProject(found, containers.members(txn, found), names)


def edit_container(
    session: Session,
    path: str,
    *,
    kind: str = "project",
    new_path: str | None = None,
    visibility: str | None = None,
    keys: Sequence[str] | None = None,
) -> Container:
    """Change a project or group; ``None`` leaves a value unchanged.

    With empty ``keys``, each distribution is signed with a key of its own, made by the first
    publish. Other keys sign from the next publish on.
    """
    chosen = None if keys is None else tuple(session.call("key.show", key=k)[0] for k in keys)
    with session.db.write() as txn:
        before = containers.get(txn, f"{kind}:{path}")
        after = before
        if new_path is not None:
            after = after._replace(path=containers.check_path(new_path))
        if visibility is not None:
            after = after._replace(visibility=containers.check_visibility(visibility))
        if chosen is not None:
            after = after._replace(keys=chosen)
        there = announcing.below(txn, before)
        after = containers.put(txn, before, after)
        announcing.renamed(session, txn, there)
        contributions.check_all(txn)
        every = containers.below(txn, after) if kind == "group" else [after]
    if (after.path, after.visibility) != (before.path, before.visibility):
        publishing.follow(session)
    if after.path != before.path:
        with suppress(DatabaseError):  # the first reader does it then
            for one in every:
                listings.refresh(session, one)
    return after


def drop_container(
    session: Session, path: str, *, kind: str = "project", force: bool = False
) -> None:
    """Drop a project or group; with ``force``, also its distributions."""
    with session.db.read() as txn:
        found = containers.get(txn, f"{kind}:{path}")
        there = distributions.list_(txn, found)
    if there and not force:
        raise InUse(
            f"{kind} {found.path} has the distribution {there[0].codename}",
            hint="drop it with --force",
        )
    for one in there:
        publishing.take_down(session, found, one.codename)
    with session.db.write() as txn:
        if distributions.list_(txn, found):
            raise InUse(f"{kind} {found.path} has a new distribution", hint="try again")
        containers.drop(txn, found)
        announcing.dropped(session, txn, *announcing.of_container(found))
        contributions.check_all(txn)
        download_dates.discard(txn, found)
        listings.discard(txn, found)
        owners.discard(txn, found.id)
        tokens.revoke_all(txn, found.key)
    if there:
        publishing.follow(session)


def set_member(
    session: Session, path: str, user: str, role: str = "", *, kind: str = "project"
) -> None:
    """Set the role of a user in a project or group; an empty role removes it."""
    with session.db.write() as txn:
        containers.set_member(txn, containers.get(txn, f"{kind}:{path}"), user, role)


def create_token(
    session: Session,
    name: str,
    *,
    kind: str = "personal",
    owner: str,
    read: bool = True,
    write: bool = True,
    days: int | None = None,
) -> str:
    """Create a token and return it; it cannot be shown again.

    A personal token's ``owner`` is a user; that of a deploy or job token is a project, or a
    group as ``group:PATH``.
    """
    if days is not None and not 0 < days < 36525:
        raise InvalidInput(f"a token cannot expire in {days} days")
    if not (read or write):
        raise InvalidInput("a token must allow reading or writing")
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    until = expires.isoformat(timespec="seconds") if expires else ""
    with session.db.write() as txn:
        if kind == "personal":
            containers.check_user(owner)
        else:
            owner = containers.get(txn, owner).key
        new = ProjectToken(
            lists.check_name(name),
            kind,
            owner,
            read,
            write,
            "",
            datetime.now(UTC).isoformat(timespec="seconds"),
            until,
        )
        return tokens.add(txn, new)


def list_tokens(session: Session) -> list[ProjectToken]:
    """Return all tokens of users, deployments and jobs, sorted by name."""
    with session.db.read() as txn:
        return list(txn[TOKENS].values())


def revoke_token(session: Session, name: str) -> None:
    """Revoke a token."""
    with session.db.write() as txn:
        tokens.revoke(txn, name)


def create_distribution(
    session: Session,
    container: str,
    codename: str,
    *,
    fields: Mapping[str, str] | None = None,
    valid_for: int = 0,
    components: Sequence[str] = (),
    architectures: Sequence[str] = (),
) -> Distribution:
    """Create a distribution; ``fields`` are suite, origin, label, version and description."""
    new = Distribution(
        0,
        "",
        codename,
        **_texts(fields or {}),
        valid_for=valid_for,
        components=dict.fromkeys(components or ("main",), ""),
        architectures=distributions.architectures(architectures or ("amd64",)),
        created=_now(),
    )
    with session.db.read() as txn:
        where = containers.get(txn, container)
        new = new._replace(container=where.key)
        distributions.check(txn, new)
    made = repositories.create(session, where, codename, new.components)
    try:
        with session.db.write() as txn:
            containers.get(txn, where.key)
            new = new._replace(components=made)
            distributions.check(txn, new)
            txn.note(f"distribution:{where.name}/{codename}", "", "created")
            announcing.created(session, txn, *announcing.of_distribution(where, codename))
            return distributions.number(txn, new)
    except DebrepoError:
        repositories.drop(session, made)
        raise


def edit_distribution(
    session: Session,
    container: str,
    codename: str,
    *,
    fields: Mapping[str, str] | None = None,
    valid_for: int | None = None,
    components: Sequence[str] | None = None,
    architectures: Sequence[str] | None = None,
) -> Distribution:
    """Change a distribution; ``None``, and fields that are not in ``fields``, stay unchanged.

    Components that are left out are published no more. Their packages are kept until somebody
    removes them or drops the distribution, and come back with the component.
    """
    changes: dict[str, Any] = _texts(fields or {})
    if valid_for is not None:
        changes["valid_for"] = valid_for
    if architectures is not None:
        changes["architectures"] = distributions.architectures(architectures)
    with session.db.read() as txn:
        where = containers.get(txn, container)
        before = distributions.get(txn, where, codename)
        named = dict.fromkeys(before.components if components is None else components, "")
        distributions.check(txn, before._replace(**changes, components=named))
    there = {*before.components, *before.kept}
    added = [name for name in named if name not in there]
    made = repositories.create(session, where, before.codename, added)
    try:
        with session.db.write() as txn:
            now = distributions.get(txn, where, before.codename)
            known = {**made, **now.kept, **now.components}
            if components is not None and not set(named) <= set(known):
                raise Conflict(f"{now.codename} lost a component in the meantime", hint="try again")
            shown = now.components if components is None else {name: known[name] for name in named}
            kept = {component: name for component, name in known.items() if component not in shown}
            after = now._replace(**changes, components=shown)
            if where.kind == "project":
                after = after._replace(kept=kept)
            distributions.check(txn, after)
            distributions.put(txn, after)
            after = after._replace(changed=distributions.mark(txn, after.key))
    except DebrepoError:
        repositories.drop(session, made)
        raise
    repositories.drop(session, {c: name for c, name in made.items() if name not in after.repos})
    return after


def _texts(fields: Mapping[str, str]) -> dict[str, Any]:
    unknown = [name for name in fields if name not in TEXTS]
    if unknown:
        raise InvalidInput(
            f"a distribution has no field {unknown[0]}", hint=f"use {', '.join(TEXTS)}"
        )
    return dict(fields)


def list_distributions(session: Session, container: str) -> list[Distribution]:
    """Return the distributions of a project or group, the oldest first."""
    with session.db.read() as txn:
        return distributions.list_(txn, containers.get(txn, container))


def show_distribution(session: Session, container: str, codename: str) -> Distribution:
    """Return the distribution with this codename, or else with this suite."""
    with session.db.read() as txn:
        return distributions.get(txn, containers.get(txn, container), codename)


def drop_distribution(session: Session, container: str, codename: str) -> None:
    """Drop a distribution, its published files and the repositories that only it uses."""
    with session.db.read() as txn:
        where = containers.get(txn, container)
        found = distributions.get(txn, where, codename)
    publishing.take_down(session, where, found.codename)
    publishing.follow(session)


def export_key(session: Session, container: str, codename: str) -> bytes:
    """Return the public keys that a distribution is signed with, armored."""
    found = show_distribution(session, container, codename)
    if not found.keys:
        raise NoKey(f"{found.codename} has no key yet", hint="the first publish makes it")
    exported: bytes = session.call("key.export", keys=found.keys)
    return exported


def publish_distribution(
    session: Session, container: str, codename: str
) -> list[PublishedDistribution]:
    """Publish a distribution, and those of groups that contain it."""
    with session.db.read() as txn:
        where = containers.get(txn, container)
        found = distributions.get(txn, where, codename)
    results = [publishing.publish(session, where, found.codename)]
    with session.db.read() as txn:
        groups = containers.above(txn, where) if where.kind == "project" else []
        made_of_it = [g for g in groups if f"{g.key}\0{found.codename}" in txn[DISTRIBUTIONS]]
    return results + [publishing.publish(session, g, found.codename) for g in made_of_it]


def upload(
    session: Session,
    container: str,
    paths: Sequence[Path],
    *,
    distribution: str = "",
    component: str = "",
) -> Received:
    """Add files to a distribution: single packages, or those that one .changes lists.

    They are durable when this returns; publishing shows them to clients.
    """
    with session.db.read() as txn:
        where = containers.get(txn, container)
    with ExitStack() as claims:
        if len(paths) == 1 and paths[0].suffix == ".changes":
            found = uploads.of_changes(session, where, paths[0], claims)
        else:
            target = show_distribution(session, where.key, distribution)
            found = uploads.direct(target, paths, component)
        files = [path for paths in found.files.values() for path in paths]
        admission.check(session, where, found.distribution, files, found.listed)
        serial = uploads.add(session, found)
    return Received(where.name, found.distribution.codename, serial, found.distribution.id)


def list_packages(session: Session, container: str) -> list[SourceVersion]:
    """Return the packages of a project: each is a source version and what was built from it."""
    with session.db.read() as txn:
        return packages.of_project(session, txn, containers.get(txn, container))


def remove_package(
    session: Session, container: str, package: int, *, file: int | None = None
) -> list[Received]:
    """Remove a package, or the part that a file belongs to, from all distributions."""
    with session.db.read() as txn:
        where = containers.get(txn, container)
    marks = removals.remove(session, where, package, file)
    return [Received(where.name, codename, serial) for codename, serial in marks.items()]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
