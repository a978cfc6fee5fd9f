"""``/api/repos``: local repositories."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, Field

from debrepo.dependencies import Dependencies
from debrepo.errors import AlreadyExists, InvalidInput, NotFound
from debrepo.http import Answer, Door, Refusal, json_answer, known_as, opens
from debrepo.session import Session
from debrepo_aptly.bodies import Body, Flag, Text
from debrepo_aptly.listing import ListQuery, list_packages
from debrepo_aptly.routes import AptlyRoutes
from debrepo_aptly.shapes import repository_object as plain

routes = AptlyRoutes(tags=["repos"])


class RepoObject(BaseModel):
    """A local repository."""

    Name: str
    Comment: str
    DefaultDistribution: str
    DefaultComponent: str


class ListedRepo(RepoObject):
    """A local repository, and how many packages it holds."""

    NumPackages: int


class NewRepo(Body):
    """A local repository to create."""

    Name: Text
    Comment: str = ""
    DefaultDistribution: str = ""
    DefaultComponent: str = ""
    FromSnapshot: str = ""


class ChangedRepo(Body):
    """Properties of a local repository to change; omitted ones stay."""

    Name: str | None = None
    Comment: str | None = None
    DefaultDistribution: str | None = None
    DefaultComponent: str | None = None


class Keys(Body):
    """Keys of packages that are in the database."""

    PackageRefs: list[str]


class Copying(Body):
    """How to copy packages."""

    with_deps: bool = Field(False, alias="with-deps")
    dry_run: bool = Field(False, alias="dry-run")


@routes.get("/repos", response_model=list[ListedRepo])
def list_(door: Annotated[Door, opens("repo.list", settled=True)]) -> Response:
    """List the repositories."""
    found = door.session.call("repo.list")
    return json_answer([{**plain(one.repo), "NumPackages": one.size} for one in found])


@routes.post("/repos", status_code=201, response_model=RepoObject)
async def create(body: NewRepo, door: Annotated[Door, opens("repo.create", task=True)]) -> Response:
    """Create a repository."""
    return await door.task(
        f"Create repository {body.Name}",
        _create,
        resources=[f"repo:{body.Name}"],
        name=body.Name,
        component=body.DefaultComponent,
        distribution=body.DefaultDistribution,
        comment=body.Comment,
        snapshot=body.FromSnapshot,
    )


def _create(
    session: Session, name: str, component: str, distribution: str, comment: str, snapshot: str
) -> Answer:
    repo = session.call(
        "repo.create",
        name=name,
        component=component,
        distribution=distribution,
        comment=comment,
        kind="snapshot" if snapshot else "",
        source=snapshot,
    )
    return Answer(201, plain(repo))


@routes.get("/repos/{name}", response_model=RepoObject)
async def show(name: str, door: Annotated[Door, opens("repo.show", settled=True)]) -> Response:
    """Show a repository."""
    return json_answer(plain(door.session.call("repo.show", name=name).repo))


@routes.put("/repos/{name}", response_model=RepoObject)
async def edit(
    name: str,
    body: ChangedRepo,
    door: Annotated[Door, opens("repo.edit", "repo.rename", task=True)],
) -> Response:
    """Edit or rename a repository."""
    return await door.task(
        f"Edit repository {name}",
        _edit,
        resources=[f"repo:{name}"],
        name=name,
        new_name=body.Name or name,
        component=body.DefaultComponent,
        distribution=body.DefaultDistribution,
        comment=body.Comment,
    )


def _edit(
    session: Session,
    name: str,
    new_name: str,
    component: str | None,
    distribution: str | None,
    comment: str | None,
) -> Answer:
    if new_name != name:
        session.call("repo.rename", name=name, new_name=new_name)
    repo = session.call(
        "repo.edit",
        name=new_name,
        component=component,
        distribution=distribution,
        comment=comment,
    )
    return Answer(200, plain(repo))


@routes.delete("/repos/{name}", response_model=dict[str, str])
async def drop(
    name: str, door: Annotated[Door, opens("repo.drop", task=True)], force: Flag = False
) -> Response:
    """Drop a repository."""
    return await door.task(
        f"Delete repo {name}", _drop, resources=[f"repo:{name}"], name=name, force=force
    )


def _drop(session: Session, name: str, force: bool) -> Answer:
    session.call("repo.drop", name=name, force=force)
    return Answer(200, {})


@routes.get("/repos/{name}/packages", response_model=list[str] | list[dict[str, str]])
async def packages(
    name: str, asked: ListQuery, door: Annotated[Door, opens("repo.search", settled=True)]
) -> Response:
    """List or search the packages of a repository."""
    version = door.session.call("repo.show", name=name).repo.set_id.hex()
    return await list_packages(
        door,
        version,
        asked,
        lambda: door.session.call("repo.search", name=name, **asked.arguments()),
    )


@routes.post("/repos/{name}/packages", response_model=RepoObject)
async def add_keys(
    name: str, body: Keys, door: Annotated[Door, opens("repo.add-keys", task=True)]
) -> Response:
    """Add packages to a repository, by key."""
    return await door.task(
        f"Add packages to repo {name}",
        _add_keys,
        resources=[f"repo:{name}"],
        resumable=True,
        name=name,
        keys=body.PackageRefs,
    )


@routes.delete("/repos/{name}/packages", response_model=RepoObject)
async def remove_keys(
    name: str, body: Keys, door: Annotated[Door, opens("repo.remove-keys", task=True)]
) -> Response:
    """Remove packages from a repository, by key."""
    return await door.task(
        f"Delete packages from repo {name}",
        _remove_keys,
        resources=[f"repo:{name}"],
        resumable=True,
        name=name,
        keys=body.PackageRefs,
    )


def _add_keys(session: Session, name: str, keys: list[str]) -> Answer:
    with _known_keys(session, name):
        return Answer(200, plain(session.call("repo.add-keys", name=name, keys=keys)))


def _remove_keys(session: Session, name: str, keys: list[str]) -> Answer:
    with _known_keys(session, name):
        return Answer(200, plain(session.call("repo.remove-keys", name=name, keys=keys)))


@contextmanager
def _known_keys(session: Session, name: str) -> Iterator[None]:
    """Give errors in keys the status that aptly gives them."""
    session.call("repo.show", name=name)
    with known_as(404, InvalidInput), known_as(400, AlreadyExists):
        yield


@routes.post("/repos/{name}/copy/{source}/{query}", response_model=dict[str, object])
async def copy(
    name: str,
    source: str,
    query: str,
    door: Annotated[Door, opens("repo.copy", task=True)],
    body: Copying | None = None,
) -> Response:
    """Copy packages from another repository."""
    options = body or Copying.model_validate({})
    return await door.task(
        f"Copy packages from repo {source} to repo {name}",
        _copy,
        resources=[f"repo:{name}", f"repo:{source}"],
        resumable=True,
        source=source,
        target=name,
        query=query,
        with_dependencies=options.with_deps,
        dry_run=options.dry_run,
    )


def _copy(
    session: Session,
    source: str,
    target: str,
    query: str,
    with_dependencies: bool,
    dry_run: bool,
) -> Answer:
    with known_as(400, NotFound):
        for name in (source, target):
            session.call("repo.show", name=name)
    if source == target:
        raise InvalidInput(f"{target} is where the packages are already")
    with known_as(422, InvalidInput):
        done = session.call(
            "repo.copy",
            source=source,
            target=target,
            queries=[query],
            dependencies=Dependencies() if with_dependencies else None,
            dry_run=dry_run,
        )
    if not done.packages:
        raise Refusal(f"no package of {source} matches {query}", status=422)
    keys = (one.key for one in done.packages)
    added = [f"added {key.name}-{key.version}({key.architecture})" for key in keys]
    warnings = [str(one) for one in done.missing]
    return Answer(200, {"Report": {"Warnings": warnings, "Added": added, "Removed": []}})
