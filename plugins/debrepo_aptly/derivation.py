"""``/api/snapshots/NAME/merge`` and ``pull``: snapshots made of other snapshots."""

from typing import Annotated, Literal

from fastapi import Query, Response
from pydantic import BaseModel, Field

from debrepo.dependencies import Dependencies
from debrepo.errors import InvalidInput
from debrepo.http import Answer, Door, Refusal, opens
from debrepo.session import Session
from debrepo_aptly.bodies import Body, Flag, Text
from debrepo_aptly.routes import AptlyRoutes
from debrepo_aptly.shapes import snapshot_object as plain
from debrepo_aptly.snapshots import SnapshotObject

routes = AptlyRoutes(tags=["snapshots"])


class Merging(Body):
    """The snapshots to merge."""

    Sources: list[str] = Field(default_factory=list)


class Pulling(Body):
    """What to pull, where from, and the name of the new snapshot."""

    Source: Text
    Destination: Text
    Queries: Annotated[list[str], Field(min_length=1)]
    Architectures: list[str] = Field(default_factory=list)


class Pulled(BaseModel):
    """What a pull would do."""

    added_packages: list[str]
    removed_packages: list[str]


_KeepVersions = Annotated[Flag, Query(alias="no-remove", description="1: keep other versions")]


@routes.post("/snapshots/{name}/merge", status_code=201, response_model=SnapshotObject)
async def merge(
    name: str,
    body: Merging,
    door: Annotated[Door, opens("snapshot.merge", task=True)],
    latest: Flag = False,
    no_remove: _KeepVersions = False,
) -> Response:
    """Create the snapshot of this name out of several."""
    if not body.Sources:
        raise InvalidInput("At least one source snapshot is required")
    if latest and no_remove:
        raise InvalidInput("no-remove and latest are mutually exclusive")
    return await door.task(
        f"Merge snapshot {name}",
        _merge,
        resources=[f"snapshot:{one}" for one in (name, *body.Sources)],
        name=name,
        sources=body.Sources,
        policy="latest" if latest else "all" if no_remove else "rightmost",
    )


def _merge(
    session: Session,
    name: str,
    sources: list[str],
    policy: Literal["rightmost", "latest", "all"],
) -> Answer:
    _check(session, sources)
    made = session.call("snapshot.merge", name=name, sources=sources, policy=policy)
    return Answer(201, plain(made.snapshot))


@routes.post(
    "/snapshots/{name}/pull",
    status_code=201,
    response_model=SnapshotObject,
    responses={200: {"model": Pulled, "description": "What a dry run says"}},
)
async def pull(
    name: str,
    body: Pulling,
    door: Annotated[Door, opens("snapshot.pull", task=True)],
    all_matches: Annotated[Flag, Query(alias="all-matches")] = False,
    dry_run: Annotated[Flag, Query(alias="dry-run")] = False,
    no_deps: Annotated[Flag, Query(alias="no-deps")] = False,
    no_remove: _KeepVersions = False,
) -> Response:
    """Create a snapshot of what this one has, and packages of another."""
    return await door.task(
        f"Pull snapshot {body.Source} into {name} and save as {body.Destination}",
        _pull,
        resources=[f"snapshot:{one}" for one in (name, body.Source, body.Destination)],
        base=name,
        source=body.Source,
        name=body.Destination,
        queries=body.Queries,
        architectures=body.Architectures,
        with_dependencies=not no_deps,
        remove=not no_remove,
        all_matches=all_matches,
        dry_run=dry_run,
    )


def _pull(
    session: Session,
    base: str,
    source: str,
    name: str,
    queries: list[str],
    architectures: list[str],
    with_dependencies: bool,
    remove: bool,
    all_matches: bool,
    dry_run: bool,
) -> Answer:
    _check(session, [base, source])
    dependencies = Dependencies(tuple(architectures)) if with_dependencies else None
    made = session.call(
        "snapshot.pull",
        base=base,
        source=source,
        name=name,
        queries=queries,
        dependencies=dependencies,
        architectures=architectures,
        remove=remove,
        all_matches=all_matches,
        dry_run=dry_run,
    )
    if not dry_run:
        return Answer(201, plain(made.snapshot))
    added = [one.key.display for one in made.added]
    removed = [key.display for key in made.removed]
    return Answer(200, {"added_packages": added, "removed_packages": removed})


def _check(session: Session, names: list[str]) -> None:
    """Raise `NotFound` unless these are snapshots."""
    for name in names:
        if ":" in name:
            raise Refusal(f"no snapshot called {name}", status=404)
        session.call("snapshot.show", name=name)
