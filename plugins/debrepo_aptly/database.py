"""``/api/db`` and the configured endpoints: the database and the configured storages."""

from typing import Annotated

from fastapi import Response

from debrepo.http import Answer, Door, json_answer, opens
from debrepo.session import Session
from debrepo_aptly.routes import AptlyRoutes

routes = AptlyRoutes(tags=["administration"])

Configured = Annotated[Door, opens("config.show")]


@routes.post("/db/cleanup", response_model=None)
async def cleanup(door: Annotated[Door, opens("db.cleanup", task=True)]) -> Response:
    """Delete packages and files that nothing refers to."""
    return await door.task("Clean up db", _cleanup, resources=["db:cleanup"], resumable=True)


def _cleanup(session: Session) -> Answer:
    gone = session.call("db.cleanup")
    session.progress.note(
        f"Deleted {gone.packages} packages and {gone.files} files, {gone.bytes} bytes."
    )
    return Answer(200, None)


def _endpoints(door: Door, scheme: str) -> Response:
    return json_answer(sorted(door.session.config.names(f"storage.{scheme}")))


@routes.get("/s3", response_model=list[str])
async def s3(door: Configured) -> Response:
    """List the S3 storages that are configured."""
    return _endpoints(door, "s3")


@routes.get("/gcs", response_model=list[str])
async def gcs(door: Configured) -> Response:
    """List the storages at Google that are configured."""
    return _endpoints(door, "gcs")


@routes.get("/jfrog", response_model=list[str])
async def jfrog(door: Configured) -> Response:
    """List the Artifactory storages that are configured."""
    return _endpoints(door, "jfrog")
