"""``/api/tasks``: the tasks of the server, and their results."""

import asyncio
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from debrepo.errors import InvalidInput, NotFound
from debrepo.http import Caller, Door, Opening, Routes, Server, TaskObject, json_answer, opens
from debrepo_server.runner import Runner, check_number

routes = Routes(prefix="/api", tags=["tasks"])


class Own(Opening):
    """Admission to one task, which its own caller may always see and cancel."""

    def admit(self, request: Request) -> Caller:
        """Return the caller; raise `NotAllowed` for tasks of other callers without the scope."""
        server: Server = request.app.state.debrepo
        caller = server.authenticate(request)
        if not caller.may(self.scope) and not _asked_for(request, caller):
            raise caller.refusal(self.scope)
        request.state.caller = caller
        return caller


def _asked_for(request: Request, caller: Caller) -> bool:
    try:
        record = _runner(request).get(check_number(request.path_params["id"]))
    except NotFound:
        return False
    return record.belongs_to(caller)


def _own(scope: str, *, settled: bool = False) -> Any:
    return Depends(Own((), scope, task=False, settled=settled), scope="function")


Listing = Annotated[Door, opens(scope="read", settled=True)]
Looking = Annotated[Door, opens(scope="read")]
Ending = Annotated[Door, opens(scope="tasks")]
Showing = Annotated[Door, _own("read", settled=True)]
Following = Annotated[Door, _own("read")]  # it changes while the task runs
EndingOne = Annotated[Door, _own("tasks")]


def _runner(request: Request) -> Runner:
    runner = request.app.state.debrepo.tasks
    assert isinstance(runner, Runner)
    return runner


@routes.get("/tasks", response_model=list[TaskObject])
async def list_(request: Request, door: Listing) -> Response:
    """List the tasks."""
    return json_answer([record.summary() for record in _runner(request).list_()])


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
    return json_answer(_runner(request).get(check_number(id)).summary())


@routes.get("/tasks/{id}/wait", response_model=TaskObject)
async def wait(id: str, request: Request, door: Following) -> Response:
    """Wait for a task to end, and show it."""
    runner, number = _runner(request), check_number(id)
    task = runner.find(number)
    if task is not None:
        await asyncio.gather(asyncio.wrap_future(task.future), return_exceptions=True)
        return json_answer(task.record.summary())
    try:
        return json_answer(runner.get(number).summary())
    except NotFound as error:
        raise InvalidInput(str(error), hint=error.hint) from None  # as in aptly


@routes.get("/tasks/{id}/output", response_model=str)
async def output(id: str, request: Request, door: Following) -> Response:
    """Show the output of a task."""
    return json_answer(_runner(request).get(check_number(id)).output)


@routes.get("/tasks/{id}/detail", response_model=dict[str, object])
async def detail(id: str, request: Request, door: Following) -> Response:
    """Show the progress of a task."""
    return json_answer(_runner(request).get(check_number(id)).detail)


@routes.get("/tasks/{id}/return_value", response_model=None)
async def return_value(id: str, request: Request, door: Following) -> Response:
    """Show the result of a task, as a waiting client would have received it."""
    record = _runner(request).get(check_number(id))
    return json_answer({"Code": record.status, "Value": record.value} if record.ended else None)


@routes.post("/tasks/{id}/cancel", response_model=TaskObject)
def cancel(id: str, request: Request, door: EndingOne) -> Response:
    """Cancel a waiting or running task."""
    return json_answer(_runner(request).cancel(check_number(id)).summary())


@routes.delete("/tasks/{id}", response_model=TaskObject)
def delete(id: str, request: Request, door: EndingOne) -> Response:
    """Delete a task that has ended."""
    try:
        return json_answer(_runner(request).delete(check_number(id)).summary())
    except NotFound as error:
        raise InvalidInput(str(error), hint=error.hint) from None  # as in aptly
