"""``/web/tasks``: what the server is doing and has done, live; and cancelling it."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from debrepo.http import TASK_STATES, Door, ShownTask, opens, opens_task, task_number
from debrepo_web import forms, rendering
from debrepo_web.filters import url
from debrepo_web.routing import pages, see

routes = pages()

Listing = Annotated[Door, opens(scope="read")]
Following = Annotated[Door, opens_task("read")]
Ending = Annotated[Door, opens_task("tasks")]

_ROWS = 50  # tasks on a page
_LONGEST = 300.0  # seconds of one stream of events; browsers ask for the next by themselves
_EVENTS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class TaskView(NamedTuple):
    """A task, as a page shows it."""

    id: int
    name: str
    state: str  #: one of `TASK_STATES`
    actor: str
    created: str
    output: str
    label: str  #: of the step that it is at; empty if it does not say
    done: int
    total: int  #: 0: nobody knows
    ended: bool


def view(task: ShownTask) -> TaskView:
    """Return what a page shows of a task."""
    label, done, total = _progress(task.detail)
    return TaskView(
        task.id,
        task.name,
        TASK_STATES[task.state],
        task.actor,
        task.created,
        task.output,
        label,
        done,
        total,
        task.ended,
    )


def _progress(detail: Mapping[str, Any]) -> tuple[str, int, int]:
    """Return the label of a step, and how much of it is done: of its bytes, or of its packages."""
    label = str(detail.get("Progress", {}).get("Label", ""))
    for what in ("DownloadSize", "NumberOfPackages"):
        if total := int(detail.get(f"Total{what}", 0)):
            return label, total - int(detail.get(f"Remaining{what}", 0)), total
    return label, 0, 0


def page_of(task: ShownTask, then: str = "") -> str:
    """Return the address of the page of a task, which goes on to ``then`` when that has ended."""
    return url("tasks", str(task.id)) + (f"?next={quote(then, safe='')}" if then else "")


@routes.get("/tasks", include_in_schema=False)
def list_(request: Request, door: Listing, before: str = "") -> Response:
    """List the tasks, the latest first."""
    found = door.tasks.latest(before=task_number(before) if before else 0, limit=_ROWS + 1)
    return rendering.page(
        request,
        "tasks.html",
        tasks=[view(task) for task in found[:_ROWS]],
        older=found[_ROWS - 1].id if len(found) > _ROWS else 0,
        command="curl --oauth2-bearer TOKEN URL/api/tasks",
    )


@routes.get("/tasks/{id}", include_in_schema=False)
def show(id: str, request: Request, door: Following, next: str = "") -> Response:
    """Show a task; go on to where its result is, once it has succeeded."""
    task = door.tasks.get(task_number(id))
    shown = view(task)
    then = forms.own(next) if next else ""
    if then and shown.state == "succeeded":
        return see(request, then, f"Done: {shown.name} (task {shown.id})")
    return rendering.page(
        request,
        "task.html",
        task=shown,
        next=then,
        may_cancel=not shown.ended and (door.caller.may("tasks") or task.belongs_to(door.caller)),
        command=f"curl --oauth2-bearer TOKEN URL/api/tasks/{shown.id}/output",
    )


@routes.get("/tasks/{id}/events", include_in_schema=False)
async def events(id: str, request: Request, door: Following) -> Response:
    """Send each change of a task as an event, until it has ended."""
    number = task_number(id)
    await run_in_threadpool(door.tasks.get, number)  # what is not there has no events
    changes = door.tasks.follow(number)
    return StreamingResponse(_events(changes), media_type="text/event-stream", headers=_EVENTS)


async def _events(changes: AsyncIterator[ShownTask]) -> AsyncIterator[str]:
    """Yield events: how far it is, and what it has said since the event before."""
    until, sent = time.monotonic() + _LONGEST, 0
    yield "retry: 1000\n\n"
    async for task in changes:
        shown = view(task)
        said = {**shown._asdict(), "output": shown.output[sent:], "from": sent}
        sent = len(shown.output)
        yield f"data: {json.dumps(said)}\n\n"
        if time.monotonic() > until:
            return


@routes.post("/tasks/{id}/cancel", include_in_schema=False)
def cancel(id: str, request: Request, door: Ending) -> Response:
    """Cancel a waiting or running task."""
    task = door.tasks.cancel(task_number(id))
    return see(request, url("tasks", str(task.id)), f"Task {task.id} was told to end.")
