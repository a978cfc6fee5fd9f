"""``/api/snapshots``: snapshots."""

from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, Field

from debrepo.errors import AlreadyExists, InvalidInput
from debrepo.http import Answer, Door, Refusal, json_answer, known_as, opens
from debrepo.package import PackageKey
from debrepo.session import Session
from debrepo_aptly.bodies import Body, Flag, Text
from debrepo_aptly.listing import ListQuery, list_packages
from debrepo_aptly.routes import AptlyRoutes
from debrepo_aptly.shapes import snapshot_object as plain

routes = AptlyRoutes(tags=["snapshots"])


class SnapshotObject(BaseModel):
    """A snapshot; ``SourceKind`` is local, repo (a mirror) or snapshot."""

    Name: str
    CreatedAt: str
    SourceKind: str
    Description: str
    Origin: str
    NotAutomatic: str
    ButAutomaticUpgrades: str


class ListedSnapshot(SnapshotObject):
    """A snapshot, and how many packages it holds."""

    NumPackages: int


class NewSnapshot(Body):
    """A snapshot to create of a repository."""

    Name: Text
    Description: str = ""


class AssembledSnapshot(NewSnapshot):
    """A snapshot to create of packages by their keys, else of all that its sources have."""

    SourceSnapshots: list[str] = Field(default_factory=list)
    PackageRefs: list[str] = Field(default_factory=list)


class ChangedSnapshot(Body):
    """Properties of a snapshot to change; omitted and empty ones stay."""

    Name: str = ""
    Description: str = ""


class DifferenceLine(BaseModel):
    """A package on either side of a comparison, by its key."""

    Left: str | None
    Right: str | None


@routes.get("/snapshots", response_model=list[ListedSnapshot])
def list_(
    door: Annotated[Door, opens("snapshot.list", settled=True)],
    sort: Annotated[str, Query(description="name or time")] = "name",
) -> Response:
    """List the snapshots."""
    if sort not in {"name", "time", ""}:
        raise Refusal(f"cannot sort by {sort[:40]!r}", hint="sort by name or time")
    found = door.session.call("snapshot.list", sort=sort or "name")
    return json_answer([{**plain(one.snapshot), "NumPackages": one.size} for one in found])


@routes.post("/snapshots", status_code=201, response_model=SnapshotObject)
async def create(
    body: AssembledSnapshot, door: Annotated[Door, opens("snapshot.assemble", task=True)]
) -> Response:
    """Create a snapshot from package keys."""
    return await door.task(
        f"Create snapshot {body.Name}",
        _create,
        resources=[f"snapshot:{body.Name}"],
        name=body.Name,
        description=body.Description,
        sources=body.SourceSnapshots,
        keys=body.PackageRefs,
    )


def _create(
    session: Session, name: str, description: str, sources: list[str], keys: list[str]
) -> Answer:
    with known_as(404, InvalidInput):  # no package has a malformed key
        for key in keys:
            PackageKey.parse(key)
    with known_as(400, AlreadyExists):
        made = session.call(
            "snapshot.assemble", name=name, keys=keys, sources=sources, description=description
        )
    return Answer(201, plain(made.snapshot))


@routes.post("/repos/{name}/snapshots", status_code=201, response_model=SnapshotObject)
async def create_from_repo(
    name: str, body: NewSnapshot, door: Annotated[Door, opens("snapshot.create", task=True)]
) -> Response:
    """Create a snapshot of a repository."""
    return await door.task(
        f"Create snapshot of repo {name}",
        _create_from,
        resources=[f"repo:{name}", f"snapshot:{body.Name}"],
        name=body.Name,
        kind="repo",
        source=name,
        description=body.Description or f"Snapshot from local repo [{name}]",
    )


def _create_from(session: Session, name: str, kind: str, source: str, description: str) -> Answer:
    with known_as(400, AlreadyExists):
        snapshot = session.call(
            "snapshot.create", name=name, kind=kind, source=source, description=description
        )
    return Answer(201, plain(snapshot))


@routes.get("/snapshots/{name}", response_model=SnapshotObject)
async def show(name: str, door: Annotated[Door, opens("snapshot.show", settled=True)]) -> Response:
    """Show a snapshot."""
    return json_answer(plain(door.session.call("snapshot.show", name=name).snapshot))


@routes.put("/snapshots/{name}", response_model=SnapshotObject)
async def edit(
    name: str,
    body: ChangedSnapshot,
    door: Annotated[Door, opens("snapshot.rename", "snapshot.edit", task=True)],
) -> Response:
    """Rename a snapshot, or change its description."""
    return await door.task(
        f"Update snapshot {name}",
        _edit,
        resources=[f"snapshot:{name}", f"snapshot:{body.Name or name}"],
        name=name,
        new_name=body.Name,
        description=body.Description,
    )


def _edit(session: Session, name: str, new_name: str, description: str) -> Answer:
    if new_name:  # as in aptly, its present name counts as taken, too
        session.call("snapshot.rename", name=name, new_name=new_name)
    if description:
        session.call("snapshot.edit", name=new_name or name, description=description)
    shown = session.call("snapshot.show", name=new_name or name)
    return Answer(200, plain(shown.snapshot))


@routes.delete("/snapshots/{name}", response_model=dict[str, str])
async def drop(
    name: str, door: Annotated[Door, opens("snapshot.drop", task=True)], force: Flag = False
) -> Response:
    """Drop a snapshot."""
    return await door.task(
        f"Delete snapshot {name}", _drop, resources=[f"snapshot:{name}"], name=name, force=force
    )


def _drop(session: Session, name: str, force: bool) -> Answer:
    session.call("snapshot.drop", name=name, force=force)
    return Answer(200, {})


@routes.get("/snapshots/{name}/packages", response_model=list[str] | list[dict[str, str]])
async def packages(
    name: str, asked: ListQuery, door: Annotated[Door, opens("snapshot.search", settled=True)]
) -> Response:
    """List or search the packages of a snapshot."""
    version = door.session.call("snapshot.show", name=name).snapshot.set_id.hex()
    return await list_packages(
        door,
        version,
        asked,
        lambda: door.session.call("snapshot.search", name=name, **asked.arguments()),
    )


@routes.get("/snapshots/{name}/diff/{other}", response_model=list[DifferenceLine])
def diff(
    name: str,
    other: str,
    door: Annotated[Door, opens("snapshot.diff", settled=True)],
    only_matching: Annotated[Flag, Query(alias="onlyMatching")] = False,
) -> Response:
    """Compare two snapshots."""
    for snapshot in (name, other):
        door.session.call("snapshot.show", name=snapshot)
    found = door.session.call("snapshot.diff", left=name, right=other, only_matching=only_matching)
    found.sort(key=lambda one: (one.key.architecture, one.key.name))  # the order of keys in aptly
    return json_answer(
        [
            {"Left": one.left and str(one.left), "Right": one.right and str(one.right)}
            for one in found
        ]
    )
