"""``/api/version``, health checks and metrics."""

import os
from typing import Annotated

from fastapi import Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse

from debrepo import __version__
from debrepo.errors import DatabaseBusy
from debrepo.http import Door, Routes, json_answer, opens
from debrepo_server.metrics import round_trip_lines, task_lines, write_lines

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

routes = Routes(prefix="/api", tags=["status"])

Anybody = Annotated[Door, opens(scope="public", settled=True)]
Looking = Annotated[Door, opens(scope="read")]


class Version(BaseModel):
    """The version of debrepo."""

    Version: str


class Status(BaseModel):
    """The status of the server."""

    Status: str


class Space(BaseModel):
    """The space in the root's file system, in MiB."""

    Total: int
    Free: int
    PercentFull: float


@routes.get("/version", response_model=Version)
async def version(door: Anybody) -> Response:
    """Show the version of debrepo."""
    return json_answer({"Version": __version__})


@routes.get("/ready", response_model=Status)
async def ready(door: Anybody) -> Response:
    """Check that the database can be read without waiting."""
    if await run_in_threadpool(door.session.db.serial) is None:
        raise DatabaseBusy("the database is busy", hint="try again in a moment")
    return json_answer({"Status": "debrepo is ready"})


@routes.get("/healthy", response_model=Status)
async def healthy(door: Anybody) -> Response:
    """Check that the server is alive."""
    return json_answer({"Status": "debrepo is healthy"})


@routes.get("/storage", response_model=Space)
def storage(door: Looking) -> Response:
    """Show the disk space of the file system that holds the root."""
    found = os.statvfs(door.session.root)
    total, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    percent = 100 - 100 * free / total if total else 0.0
    return json_answer({"Total": total >> 20, "Free": free >> 20, "PercentFull": percent})


@routes.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request, door: Looking) -> Response:
    """Show the metrics in the format of Prometheus."""
    runner, requests = request.app.state.debrepo.tasks, request.app.state.requests
    lines = [
        *requests.lines(),
        *task_lines(runner.list_()),
        *write_lines(door.session.db.written),
        *round_trip_lines(door.session.db.round_trips),
        *request.app.state.background.lines(),
    ]
    taken = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    with door.session.db.read() as txn:
        lines += request.app.state.plugin_metrics.lines(door.session, txn, requests, taken)
    return PlainTextResponse("\n".join(lines) + "\n", media_type=_PROMETHEUS)


@routes.get("/openapi.json", response_model=dict[str, object])
async def openapi(request: Request, door: Anybody) -> Response:
    """Return the OpenAPI document."""
    return json_answer(request.app.openapi())
