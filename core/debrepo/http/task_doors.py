"""Doors to one task, which the caller who asked for it may always see and cancel."""

from typing import Any

from fastapi import Depends, Request

from debrepo.errors import NotFound
from debrepo.http.doors import Opening, Server
from debrepo.permissions import Caller


class TaskOpening(Opening):
    """Admission to the task that the path parameter ``id`` names."""

    def admit(self, request: Request) -> Caller:
        """Return the caller; raise `NotAllowed` for tasks of other callers without the scope."""
        server: Server = request.app.state.debrepo
        caller = request.state.caller = server.authenticate(request)  # the log names it, if refused
        if not caller.may(self.scope) and not _asked_for(request, caller):
            raise caller.refusal(self.scope)
        return caller


def _asked_for(request: Request, caller: Caller) -> bool:
    server: Server = request.app.state.debrepo
    try:
        task = server.tasks.get(task_number(request.path_params["id"]))
    except NotFound:
        return False
    return task.belongs_to(caller)


def opens_task(scope: str, *, settled: bool = False) -> Any:
    """Return the dependency of a route for one task, by ``id``; ``scope`` is for those of others.

    ``settled`` is as for `opens`.
    """
    return Depends(TaskOpening((), scope, task=False, settled=settled), scope="function")


def task_number(text: str) -> int:
    """Return the number of a task from a path; raise `NotFound` for what is none."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise NotFound(f"no task has the number {text[:40]!r}", hint='ask "GET /api/tasks"')
    return int(text)
