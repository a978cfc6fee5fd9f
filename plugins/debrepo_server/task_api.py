"""``/api/tasks``: the tasks of the server, and their results."""

from typing import Annotated

from fastapi import Request, Response

from debrepo.errors import InvalidInput, NotFound
from debrepo.http import Door, Routes, TaskObject, json_answer, opens, opens_task, task_number
from debrepo_server.records import TaskRecord
from debrepo_server.runner import Runner

routes = Routes(prefix="/api", tags=["tasks"])


Listing = Annotated[Door, opens(scope="read", settled=True)]
Looking = Annotated[Door, opens(scope="read")]
Ending = Annotated[Door, opens(scope="tasks")]
Showing = Annotated[Door, opens_task("read", settled=True)]
Following = Annotated[Door, opens_task("read")]  # it changes while the task runs
EndingOne = Annotated[Door, opens_task("tasks")]


def _runner(request: Request) -> Runner:
    runner = request.app.state.debrepo.tasks
    assert isinstance(runner, Runner)
    return runner


async def _task(number: str, request: Request) -> TaskRecord:
    runner = _runner(request)
    return await runner.ask(runner.get, task_number(number))


@routes.get("/tasks", response_model=list[TaskObject])
async def list_(request: Request, door: Listing) -> Response:
    """List the tasks."""
    runner = _runner(request)
    return json_answer([record.summary() for record in await runner.ask(runner.list_)])


@routes.post("/tasks-clear", response_model=dict[str, str])
def clear(request: Request, door: Ending) -> Response:
    """Delete the tasks that have ended."""
    _runner(request).clear()
    return json_answer({})


@routes.get("/tasks-wait", response_model=dict[str, str])
async def wait_all(request: Request, door: Looking) -> Response:
    """Wait until no task is waiting or running."""
    await _runner(request).idle()
    return json_answer({})


@routes.get("/tasks/{id}", response_model=TaskObject)
async def show(id: str, request: Request, door: Showing) -> Response:
    """Show a task."""
    return json_answer((await _task(id, request)).summary())


@routes.get("/tasks/{id}/wait", response_model=TaskObject)
async def wait(id: str, request: Request, door: Following) -> Response:
    """Wait for a task to end, and show it."""
    try:
        return json_answer((await _runner(request).wait(task_number(id))).summary())
    except NotFound as error:
        raise InvalidInput(str(error), hint=error.hint) from None  # as in aptly


@routes.get("/tasks/{id}/output", response_model=str)
async def output(id: str, request: Request, door: Following) -> Response:
    """Show the output of a task."""
    return json_answer((await _task(id, request)).output)


@routes.get("/tasks/{id}/detail", response_model=dict[str, object])
async def detail(id: str, request: Request, door: Following) -> Response:
    """Show the progress of a task."""
    return json_answer((await _task(id, request)).detail)


@routes.get("/tasks/{id}/return_value", response_model=None)
async def return_value(id: str, request: Request, door: Following) -> Response:
    """Show the result of a task, as a waiting client would have received it."""
    record = await _task(id, request)
    return json_answer({"Code": record.status, "Value": record.value} if record.ended else None)


@routes.post("/tasks/{id}/cancel", response_model=TaskObject)
def cancel(id: str, request: Request, door: EndingOne) -> Response:
    """Cancel a waiting or running task."""
    return json_answer(_runner(request).cancel(task_number(id)).summary())


@routes.delete("/tasks/{id}", response_model=TaskObject)
def delete(id: str, request: Request, door: EndingOne) -> Response:
    """Delete a task that has ended."""
    try:
        return json_answer(_runner(request).delete(task_number(id)).summary())
    except NotFound as error:
        raise InvalidInput(str(error), hint=error.hint) from None  # as in aptly
