"""``/api/repos``: local repositories over HTTP."""

from typing import Annotated

from fastapi import Response
from pydantic import BaseModel

from debrepo.http import Answer, Body, Door, Flag, Routes, Text, json_answer, opens
from debrepo.session import Session
from debrepo_local.repos import LocalRepo

routes = Routes(prefix="/api", tags=["repos"])


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
    """What is to change of a local repository; what is left out stays."""

    Name: str | None = None
    Comment: str | None = None
    DefaultDistribution: str | None = None
    DefaultComponent: str | None = None


def plain(repo: LocalRepo) -> dict[str, object]:
    """Return a repository as clients read it."""
    return {
        "Name": repo.name,
        "Comment": repo.comment,
        "DefaultDistribution": repo.distribution,
        "DefaultComponent": repo.component,
    }


@routes.get("/repos", response_model=list[ListedRepo])
async def list_(door: Annotated[Door, opens("repo.list")]) -> Response:
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
    )


def _create(session: Session, name: str, component: str, distribution: str, comment: str) -> Answer:
    repo = session.call(
        "repo.create", name=name, component=component, distribution=distribution, comment=comment
    )
    return Answer(201, plain(repo))


@routes.get("/repos/{name}", response_model=RepoObject)
async def show(name: str, door: Annotated[Door, opens("repo.show")]) -> Response:
    """Show a repository."""
    return json_answer(plain(door.session.call("repo.show", name=name).repo))


@routes.put("/repos/{name}", response_model=RepoObject)
async def edit(
    name: str,
    body: ChangedRepo,
    door: Annotated[Door, opens("repo.edit", "repo.rename", task=True)],
) -> Response:
    """Change what is said of a repository, or its name."""
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
